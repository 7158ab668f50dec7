import type { DevicePolicy, NicSelector, VfGroup } from "./device-policy.ts";
import type { FunctionRange } from "./pool-config.ts";

/** A PF as policies select it. */
export interface SelectablePf {
  readonly address: string;
  /** Four hexadecimal digits each, in lower case. */
  readonly vendor: string;
  readonly device: string;
  /** All names of its link. */
  readonly names: readonly string[];
  readonly linkType: string | undefined;
}

/** The policy a PF follows, and those that want it, too. */
export interface PolicyChoice {
  /** Undefined when no policy wants the PF. */
  readonly policy: DevicePolicy | undefined;
  readonly overruled: readonly DevicePolicy[];
}

/** Whether a policy is for a node with these labels. */
export function isForNode({ nodeSelector }: DevicePolicy, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(nodeSelector).every(([key, value]) => labels[key] === value);
}

/**
 * Which of the policies a PF follows: the one with the lowest priority number, then with the first name. `labels` are
 * those of the node.
 */
export function choosePolicy(
  policies: readonly DevicePolicy[],
  pf: SelectablePf,
  labels: Readonly<Record<string, string>>,
): PolicyChoice {
  const [policy, ...overruled] = policies
    .filter((each) => isForNode(each, labels) && selects(each.nicSelector, pf))
    .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  return { policy, overruled };
}

function selects({ vendors, devices, pfNames, rootDevices, linkTypes }: NicSelector, pf: SelectablePf) {
  const isAmong = (wanted: readonly string[] | undefined, value: string | undefined) =>
    wanted === undefined || (value !== undefined && wanted.includes(value));
  const isMeant = (wanted: readonly FunctionRange[] | undefined) =>
    wanted === undefined || wanted.some((each) => meansPf(each, pf));
  return (
    isAmong(vendors, pf.vendor) &&
    isAmong(devices, pf.device) &&
    isMeant(pfNames) &&
    isMeant(rootDevices) &&
    isAmong(linkTypes, pf.linkType)
  );
}

/** Whether an entry of a selector means this PF: by a name of its link, without regard to case, or by its address. */
function meansPf({ pf: written }: FunctionRange, pf: SelectablePf): boolean {
  const word = written.toLowerCase();
  return word === pf.address || pf.names.some((name) => name.toLowerCase() === word);
}

/**
 * The group that says how the PF's VF of this number is treated: the first whose range it is in, among the VFs that
 * every field of the selector which names the PF leaves by its range. Undefined for a VF that no group names.
 */
export function groupOf(policy: DevicePolicy, pf: SelectablePf, index: number): VfGroup | undefined {
  const { pfNames, rootDevices } = policy.nicSelector;
  const isSelected = [pfNames, rootDevices].every(
    (field) =>
      field === undefined || field.some((entry) => meansPf(entry, pf) && isWithin(entry.numbers, index)),
  );
  return isSelected ? policy.vfGroups.find(({ range }) => isWithin(range, index)) : undefined;
}

function isWithin(parts: FunctionRange["numbers"], number: number): boolean {
  return parts === undefined || parts.some(([first, last]) => first <= number && number <= last);
}
