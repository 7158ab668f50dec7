import type { DevicePolicy, VfDefaults, VfGroup } from "../model/device-policy.ts";
import { groupOf, type SelectablePf } from "../model/device-policy-choice.ts";

/** The driver a VF shall have: one by its name, the one the kernel chooses, or none. */
export type WantedDriver = { readonly name: string } | "kernelChoice" | "none";

/** What one VF shall be. What is absent is left alone. */
export interface WantedVf {
  readonly index: number;
  readonly driver: WantedDriver;
  /** Bytes. */
  readonly mtu?: number;
  readonly defaults: VfDefaults;
}

/** What one PF shall be. What is absent is left alone, and so are VFs that are not named. */
export interface WantedPf {
  readonly numVfs?: number;
  /** Bytes. */
  readonly mtu?: number;
  /** Administratively up. Where it is absent, a PF is brought up to make VFs or to limit their rates. */
  readonly isUp?: boolean;
  readonly eswitchMode?: "legacy" | "switchdev";
  /** VFs that are made afterwards get a driver at once. */
  readonly probesVfs?: boolean;
  readonly vfs: readonly WantedVf[];
}

/** What a policy asks of a PF that has, or will have, `vfCount` VFs. */
export function wantedOf(policy: DevicePolicy, pf: SelectablePf, vfCount: number): WantedPf {
  const { numVfs, mtu, eswitchMode, externallyManaged } = policy;
  const count = externallyManaged ? vfCount : (numVfs ?? vfCount);
  const vfs = Array.from({ length: count }, (_, index): WantedVf | undefined => {
    const group = groupOf(policy, pf, index);
    if (group !== undefined) return describe(group, index);
    // Who makes VFs sees to it that they get a driver.
    const isMadeHere = !externallyManaged && numVfs !== undefined;
    return isMadeHere ? { index, driver: "kernelChoice", defaults: {} } : undefined;
  }).filter((vf) => vf !== undefined);
  if (externallyManaged) return { vfs };
  return {
    ...(numVfs === undefined ? {} : { numVfs }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(eswitchMode === undefined ? {} : { eswitchMode }),
    vfs,
  };
}

function describe({ driver, mtu, defaults }: VfGroup, index: number): WantedVf {
  return {
    index,
    driver: driver === undefined ? "kernelChoice" : { name: driver },
    ...(mtu === undefined ? {} : { mtu }),
    defaults,
  };
}
