import type { VfSettings } from "../linux/route/vf-settings.ts";

/** One thing done to a PF or, with `vf`, to one of its VFs (by number, from 0). Plain data. */
export type ProvisioningStep =
  | { readonly kind: "setMtu"; readonly mtu: number }
  | { readonly kind: "setAdminState"; readonly isUp: boolean }
  | { readonly kind: "setEswitchMode"; readonly mode: "legacy" | "switchdev" }
  /** All VFs go, and so many come. `probes`: they get a driver at once. */
  | { readonly kind: "setVfCount"; readonly count: number; readonly probes: boolean }
  /** Whether VFs may get the driver that the kernel chooses. */
  | { readonly kind: "setVfProbing"; readonly probes: boolean }
  | { readonly kind: "unbindDriver"; readonly vf: number }
  /** Only of a VF without a driver. */
  | { readonly kind: "resetVf"; readonly vf: number }
  | { readonly kind: "setVfAttributes"; readonly vf: number; readonly settings: VfSettings }
  /** Without a driver's name, the one that the kernel chooses. */
  | { readonly kind: "bindDriver"; readonly vf: number; readonly driver?: string }
  | { readonly kind: "setVfMtu"; readonly vf: number; readonly mtu: number };

/** What of a PF's state a change touches, and what is therefore brought back later. */
export type Aspect = "mtu" | "adminState" | "eswitchMode" | "vfCount" | "vfs";

const ASPECTS: Readonly<Record<ProvisioningStep["kind"], Aspect>> = {
  setMtu: "mtu",
  setAdminState: "adminState",
  setEswitchMode: "eswitchMode",
  setVfCount: "vfCount",
  setVfProbing: "vfCount",
  unbindDriver: "vfs",
  resetVf: "vfs",
  setVfAttributes: "vfs",
  bindDriver: "vfs",
  setVfMtu: "vfs",
};

/** What of the PF's state the steps touch, each once. */
export function aspectsOf(steps: readonly ProvisioningStep[]): Aspect[] {
  return [...new Set(steps.map(({ kind }) => ASPECTS[kind]))];
}

/** Whether a step takes away what somebody may be using: any VF of the PF, or the one it names. */
export function tearsDown(step: ProvisioningStep): boolean {
  return ["setVfCount", "setEswitchMode", "unbindDriver", "resetVf", "bindDriver"].includes(step.kind);
}

/** What a step does, for people: `set the MTU to 9000`. */
export function describeStep(step: ProvisioningStep): string {
  switch (step.kind) {
    case "setMtu":
      return `set the MTU to ${step.mtu}`;
    case "setAdminState":
      return `set the link ${step.isUp ? "up" : "down"}`;
    case "setEswitchMode":
      return `set the eswitch mode ${step.mode}`;
    case "setVfCount":
      return step.count === 0 ? "take all VFs away" : `make ${countOfVfs(step.count)}`;
    case "setVfProbing":
      return step.probes ? "let VFs have their own driver" : "keep drivers from new VFs";
    case "unbindDriver":
      return `take VF ${step.vf} from its driver`;
    case "resetVf":
      return `reset VF ${step.vf}`;
    case "setVfAttributes":
      return `set the ${settingNames(step.settings)} of VF ${step.vf}`;
    case "bindDriver":
      return `give VF ${step.vf} to ${step.driver ?? "the driver that the kernel chooses"}`;
    case "setVfMtu":
      return `set the MTU of VF ${step.vf} to ${step.mtu}`;
  }
}

const SETTING_NAMES: Readonly<Partial<Record<keyof VfSettings, string>>> = {
  vlan: "VLAN",
  isSpoofChecked: "spoof check",
  isTrusted: "trust",
  linkState: "link state",
};

function settingNames(settings: VfSettings): string {
  const names = (Object.keys(settings) as (keyof VfSettings)[]).map((key) => SETTING_NAMES[key] ?? key);
  return new Intl.ListFormat("en").format(names);
}

/** How many steps are named one by one; a card has hundreds of VFs. */
const MOST_NAMED = 4;

/** What steps do, for people: the first ones, and how many more. */
export function describeSteps(steps: readonly ProvisioningStep[]): string {
  const rest = steps.length - MOST_NAMED;
  const named = steps.slice(0, MOST_NAMED).map(describeStep);
  return [...named, ...(rest > 0 ? [`and ${rest} more steps`] : [])].join(", ");
}

/** `1 VF`, `7 VFs`. */
export function countOfVfs(count: number): string {
  return count === 1 ? "1 VF" : `${count} VFs`;
}
