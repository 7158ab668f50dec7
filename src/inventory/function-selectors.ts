import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import type { FUNCTION_KINDS } from "../model/device.ts";
import type { FunctionRange, FunctionSelector } from "../model/pool-config.ts";
import { isForPrograms } from "./drivers.ts";
import type { NodeFunction } from "./node-function.ts";

/** First two digits of a PCI class: network controllers, and processing accelerators (PCI Code and ID Assignment). */
const NETWORK_CLASS = "02";
const ACCELERATOR_CLASS = "12";

/** Whether a function is of the kind that a pool is made of, before any selector. */
export function isOfKind({ facts }: NodeFunction, kind: (typeof FUNCTION_KINDS)[number]): boolean {
  switch (kind) {
    case "netDevice":
      return facts.bus === "pci" && facts.class.startsWith(NETWORK_CLASS);
    case "accelerator":
      return facts.bus === "pci" && facts.class.startsWith(ACCELERATOR_CLASS);
    case "auxNetDevice":
      return facts.bus === "auxiliary" && facts.class.startsWith(NETWORK_CLASS);
  }
}

/** Whether a function is what a selector asks for; `driver` is the one it counts with. */
export function matchesSelector(
  selector: FunctionSelector,
  candidate: NodeFunction,
  driver: string | undefined,
): boolean {
  const { facts, card, linkType } = candidate;
  return (
    isAmong(selector.vendors, facts.vendor) &&
    isAmong(selector.devices, facts.device) &&
    // The field's device plugin knows sub-functions by the driver of their PCI function alone.
    [driver, candidate.parentDriver].some((each) => isAmong(selector.drivers, each)) &&
    isAmong(selector.pciAddresses, facts.pciAddress) &&
    isAmong(selector.acpiIndexes, facts.acpiIndex?.toString()) &&
    isInRanges(selector.pfNames, candidate, (pf) => hasPfName(candidate, pf)) &&
    isInRanges(selector.rootDevices, candidate, (pf) => pf === candidate.pfAddress) &&
    isAmong(selector.linkTypes, linkType) &&
    isAmong(selector.ddpProfiles, card?.ddpProfile) &&
    hasPartitionKey(selector.pKeys, candidate) &&
    (selector.isKernelDriven !== true || (driver !== undefined && !isForPrograms(driver))) &&
    (!selector.isRdma || facts.rdma.length > 0) &&
    (selector.vdpaType === undefined || selector.vdpaType === facts.vdpa?.type) &&
    isAmong(selector.auxTypes, auxiliaryType(facts))
  );
}

/** `sf` of `mlx5_core.sf.2`: an auxiliary device is called by its module, its kind and a number (drivers/base/auxiliary.c). */
function auxiliaryType({ bus, name }: FunctionFacts): string | undefined {
  return bus === "auxiliary" ? name.split(".").at(-2) : undefined;
}

function isAmong(wanted: readonly string[] | undefined, value: string | undefined): boolean {
  return wanted === undefined || wanted.length === 0 || (value !== undefined && wanted.includes(value));
}

/** Names are compared without regard to case, as the field's device plugin does. */
function hasPfName({ uplink }: NodeFunction, wanted: string): boolean {
  if (uplink === undefined) return false;
  const name = wanted.toLowerCase();
  return [uplink.name, ...uplink.altNames].some((each) => each.toLowerCase() === name);
}

function isInRanges(
  ranges: readonly FunctionRange[] | undefined,
  { number }: NodeFunction,
  isPf: (pf: string) => boolean,
): boolean {
  if (ranges === undefined || ranges.length === 0) return true;
  return ranges.some(({ pf, numbers }) => {
    if (!isPf(pf)) return false;
    if (numbers === undefined) return true;
    return number !== undefined && numbers.some(([first, last]) => first <= number && number <= last);
  });
}

/** Keys are numbers, however they are written: 0x8001 is 0x8001 in upper case, too. */
function hasPartitionKey(wanted: readonly string[] | undefined, { facts }: NodeFunction): boolean {
  if (wanted === undefined || wanted.length === 0) return true;
  const keys = new Set(facts.rdma.flatMap(({ pKeys }) => pKeys.map(Number)));
  return wanted.some((key) => keys.has(Number(key)));
}
