import { isForPrograms } from "../inventory/drivers.ts";
import { namedDriverOf } from "./drivers.ts";
import type { ObservedPf, ObservedVf } from "./observe.ts";
import { countOfVfs, type ProvisioningStep } from "./steps.ts";
import { describeUsers, type PfUsers } from "./users.ts";
import { differingRate, differingSettings } from "./vf-differences.ts";
import type { WantedDriver, WantedPf, WantedVf } from "./wanted.ts";

/** What is to be done to a PF next. */
export interface PfPlan {
  /** In order. After they are done, the PF is observed and planned again, until nothing is to be done. */
  readonly steps: readonly ProvisioningStep[];
  /** What is not done now, each with whom it waits for. */
  readonly waits: readonly string[];
  /** What can never be done, each with the reason. */
  readonly faults: readonly string[];
}

/**
 * What a PF lacks to be as wanted. Its own settings and the number of its VFs come first; VFs that do not exist yet are
 * planned for when they can be seen. Nothing that somebody uses is taken away: what would do that waits.
 */
export function planPf(wanted: WantedPf, observed: ObservedPf, users: PfUsers): PfPlan {
  if (users.pf !== undefined) return { steps: [], waits: [`the PF is in use by ${users.pf}`], faults: [] };
  const waits: string[] = [];
  const faults = findFaults(wanted, observed);
  const remaking = planRemaking(wanted, observed);
  const user = describeUsers(users);
  if (remaking.length > 0 && user !== undefined) {
    waits.push(`${describeRemaking(wanted, observed)}: ${user}`);
    remaking.length = 0;
  }
  const makesVfs = remaking.some((step) => step.kind === "setVfCount" && step.count > 0);
  const vfs = remaking.length > 0 ? NOTHING : planVfs(wanted, observed, users);
  waits.push(...vfs.waits);
  faults.push(...vfs.faults);
  const steps: ProvisioningStep[] = [];
  const { link } = observed;
  // A VF's MTU may not be above its PF's; and a new MTU restarts some cards, which is better done before VFs are made.
  if (wanted.mtu !== undefined && link !== undefined && link.mtu !== wanted.mtu) {
    // Whoever has a VF may send what the smaller one drops.
    if (user !== undefined && wanted.mtu < link.mtu) {
      waits.push(`the MTU stays ${link.mtu} instead of ${wanted.mtu}: ${user}`);
    } else steps.push({ kind: "setMtu", mtu: wanted.mtu });
  }
  if (link?.isUp === false && (wanted.isUp ?? (makesVfs || vfs.needsCarrier))) {
    steps.push({ kind: "setAdminState", isUp: true });
  }
  steps.push(...remaking, ...vfs.steps);
  const isLastRound = remaking.length === 0;
  if (isLastRound && wanted.isUp === false && link?.isUp === true) {
    steps.push({ kind: "setAdminState", isUp: false });
  }
  const asksKernel = steps.some(({ kind }) => kind === "setVfProbing");
  if (isLastRound && !asksKernel && (wanted.probesVfs ?? observed.probesVfs) !== observed.probesVfs) {
    steps.push({ kind: "setVfProbing", probes: !observed.probesVfs });
  }
  return { steps, waits, faults };
}

function findFaults({ numVfs, mtu, eswitchMode }: WantedPf, observed: ObservedPf): string[] {
  const faults: string[] = [];
  if (numVfs !== undefined && numVfs > observed.mostVfs) {
    faults.push(`${countOfVfs(numVfs)} are wanted, but the card can have ${observed.mostVfs} at most`);
  }
  if (eswitchMode === "switchdev" && observed.eswitchMode === undefined) {
    const driver = observed.driver ?? "none is bound";
    faults.push(`the eswitch mode switchdev is wanted, but the card's driver (${driver}) offers no eswitch`);
  }
  if (mtu !== undefined && observed.link === undefined && !observed.isLinkElsewhere) {
    faults.push(`an MTU of ${mtu} is wanted, but the PF has no link`);
  }
  return faults;
}

/** Whether the eswitch can change its mode with VFs there, and how. */
type EswitchOrder = "vfsUnbound" | "noVfs" | "any";

/**
 * mlx5 takes the mode with its VFs made and without drivers, and makes VFs best in legacy mode; ice has no VFs while
 * the mode changes (ice_eswitch_mode_set, drivers/net/ethernet/intel/ice/ice_eswitch.c). Of others nothing of the kind is known.
 */
function eswitchOrderOf(driver: string | undefined): EswitchOrder {
  if (driver === "mlx5_core") return "vfsUnbound";
  return driver === "ice" ? "noVfs" : "any";
}

/** A new number of VFs and a new eswitch mode, in the order the card's driver wants. */
function planRemaking(wanted: WantedPf, observed: ObservedPf): ProvisioningStep[] {
  const present = observed.vfs.length;
  const isPossible = wanted.numVfs !== undefined && wanted.numVfs <= observed.mostVfs;
  const count = isPossible ? (wanted.numVfs ?? present) : present;
  const modeNow = observed.eswitchMode;
  // A card without an eswitch is in legacy mode; one that has none takes no other.
  const mode = modeNow === undefined ? undefined : (wanted.eswitchMode ?? modeNow);
  const changesMode = mode !== modeNow;
  if (count === present && !changesMode) return [];

  const order = eswitchOrderOf(observed.driver);
  const setMode: ProvisioningStep[] =
    changesMode && mode !== undefined ? [{ kind: "setEswitchMode", mode }] : [];
  const make: ProvisioningStep = { kind: "setVfCount", count, probes: leavesDriversToKernel(wanted, count) };
  const clear: ProvisioningStep[] =
    present === 0 ? [] : [{ kind: "setVfCount", count: 0, probes: make.probes }];

  if (count === present) {
    if (order === "noVfs" && present > 0) return [...clear, ...setMode, make];
    if (order === "vfsUnbound") {
      const bound = observed.vfs.filter(({ driver }) => driver !== undefined);
      return [
        ...bound.map(({ index }) => ({ kind: "unbindDriver", vf: index }) as const),
        ...setMode,
        ...bindAgain(wanted, observed, bound),
      ];
    }
    return setMode;
  }
  if (order !== "vfsUnbound") return setMode.length === 0 ? [make] : [...clear, ...setMode, make];
  const toLegacy: ProvisioningStep[] =
    modeNow === "switchdev" ? [...clear, { kind: "setEswitchMode", mode: "legacy" }] : [];
  if (mode !== "switchdev") return [...toLegacy, make];
  return [...toLegacy, { ...make, probes: false }, { kind: "setEswitchMode", mode }];
}

/** VFs of which nothing is wanted have their drivers back; the others are planned for when they can be seen. */
function bindAgain(
  wanted: WantedPf,
  { probesVfs }: ObservedPf,
  bound: readonly ObservedVf[],
): ProvisioningStep[] {
  const named = new Set(wanted.vfs.map(({ index }) => index));
  const bindings = bound
    .filter(({ index }) => !named.has(index))
    .map((vf) => bindStep(vf.index, namedDriverOf(vf)));
  return probesVfs ? bindings : [...enableProbing(bindings), ...bindings];
}

type BindStep = Extract<ProvisioningStep, { kind: "bindDriver" }>;

function bindStep(vf: number, driver: string | undefined): BindStep {
  return { kind: "bindDriver", vf, ...(driver === undefined ? {} : { driver }) };
}

/** Without it, no driver takes a VF that is not kept for that one (pci_device_can_probe, drivers/pci/pci-driver.c). */
function enableProbing(bindings: readonly BindStep[]): ProvisioningStep[] {
  return bindings.some(({ driver }) => driver === undefined) ? [{ kind: "setVfProbing", probes: true }] : [];
}

/** Whether new VFs can have their own driver at once: nothing has to be set before. */
function leavesDriversToKernel({ vfs, probesVfs = true }: WantedPf, count: number): boolean {
  // Without VFs, only the next ones matter.
  if (count === 0) return probesVfs;
  return vfs.every(({ driver, defaults }) => driver === "kernelChoice" && Object.keys(defaults).length === 0);
}

function describeRemaking({ numVfs, eswitchMode }: WantedPf, observed: ObservedPf): string {
  const isPossible = numVfs !== undefined && numVfs <= observed.mostVfs;
  const changesCount = isPossible && numVfs !== observed.vfs.length;
  const changes = [
    ...(changesCount ? [`the number of VFs stays ${observed.vfs.length} instead of ${numVfs}`] : []),
    ...(eswitchMode !== undefined &&
    observed.eswitchMode !== undefined &&
    eswitchMode !== observed.eswitchMode
      ? [`the eswitch mode stays ${observed.eswitchMode} instead of ${eswitchMode}`]
      : []),
  ];
  return changes.join(", ");
}

interface VfPlan extends PfPlan {
  /** Rates wait for the PF's carrier. */
  readonly needsCarrier: boolean;
}

const NOTHING: VfPlan = { steps: [], waits: [], faults: [], needsCarrier: false };

function planVfs({ vfs }: WantedPf, { link, vfs: present, probesVfs }: ObservedPf, users: PfUsers): VfPlan {
  const waits: string[] = [];
  const before: ProvisioningStep[] = [];
  const bindings: BindStep[] = [];
  const mtus: ProvisioningStep[] = [];
  const rates: ProvisioningStep[] = [];
  let isUnreachable = false;
  for (const wanted of vfs) {
    const vf = present[wanted.index];
    if (vf === undefined) continue;
    const isRight = hasWantedDriver(wanted.driver, vf);
    const user = users.vfs.get(vf.index);
    if (user !== undefined) {
      // What a VF in use is set to is its attachment's affair.
      if (!isRight) waits.push(`VF ${vf.index} keeps ${vf.driver ?? "no driver"}: it is in use by ${user}`);
      continue;
    }
    if (!isRight) before.push(...planUnbinding(wanted.driver, vf));
    const settings = differingSettings(wanted.defaults, vf.attributes, !isRight);
    const rate = differingRate(wanted.defaults, vf.attributes, !isRight);
    if (link === undefined) isUnreachable ||= settings !== undefined || rate !== undefined;
    else {
      if (settings !== undefined) before.push({ kind: "setVfAttributes", vf: vf.index, settings });
      if (rate !== undefined) rates.push({ kind: "setVfAttributes", vf: vf.index, settings: { rate } });
    }
    if (!isRight && wanted.driver !== "none") {
      bindings.push(bindStep(vf.index, wanted.driver === "kernelChoice" ? undefined : wanted.driver.name));
    }
    const mtu = differingMtu(wanted, vf);
    if (mtu !== undefined) mtus.push({ kind: "setVfMtu", vf: vf.index, mtu });
  }
  // Some drivers compare a rate with the speed of the wire (igb_ndo_set_vf_bw), and without one nothing is sent anyway.
  const needsCarrier = rates.length > 0 && link?.hasCarrier === false;
  if (needsCarrier)
    waits.push(`the rates of ${countOfVfs(rates.length)} wait for the carrier of ${link.name}`);
  return {
    steps: [
      ...before,
      ...(probesVfs ? [] : enableProbing(bindings)),
      ...bindings,
      ...mtus,
      ...(needsCarrier ? [] : rates),
    ],
    waits,
    faults: isUnreachable ? ["VFs are to be set by their PF, but that has no link on the node"] : [],
    needsCarrier,
  };
}

function hasWantedDriver(wanted: WantedDriver, { driver }: ObservedVf): boolean {
  if (wanted === "none") return driver === undefined;
  if (wanted === "kernelChoice") return driver !== undefined && !isForPrograms(driver);
  return driver === wanted.name;
}

/**
 * A function that a program had, or will have, is reset in between, so that nothing of one owner reaches the next. That
 * is done only while no driver is bound: a driver whose link is down may wait for the reset's end for ever (igbvf).
 */
function planUnbinding(wanted: WantedDriver, { index, driver }: ObservedVf): ProvisioningStep[] {
  const drivers = [driver, typeof wanted === "string" ? undefined : wanted.name];
  const changesOwner = drivers.some((each) => each !== undefined && isForPrograms(each));
  return [
    ...(driver === undefined ? [] : [{ kind: "unbindDriver", vf: index } as const]),
    ...(changesOwner ? [{ kind: "resetVf", vf: index } as const] : []),
  ];
}

/** A VF whose link is still to come gets its MTU when that has come. */
function differingMtu({ driver, mtu }: WantedVf, vf: ObservedVf): number | undefined {
  if (mtu === undefined || driver === "none" || vf.link?.mtu === mtu) return undefined;
  return typeof driver !== "string" && isForPrograms(driver.name) ? undefined : mtu;
}
