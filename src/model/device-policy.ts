import { InvalidValueError } from "./errors.ts";
import { lastNumber, parseNumbers } from "./function-range.ts";
import { ENTRY_PARSERS, entriesOf } from "./function-selector.ts";
import { clusterObject } from "./object.ts";
import type { FunctionRange } from "./pool-config.ts";
import { parsePoolName } from "./pool-schema.ts";
import { formatRate, parseRate } from "./quantity.ts";
import { fields, listOf, oneOf, parsedBy, textMap, validate, wholeNumber, yesOrNo } from "./validation.ts";
import type { Vlan } from "./vlan.ts";

/** Which PFs a policy is for. Every field that is there must hold; of a list, one entry must. */
export interface NicSelector {
  readonly vendors?: readonly string[];
  readonly devices?: readonly string[];
  /** Names of links, further names included. A range behind `#` restricts the policy's VF groups to these VFs. */
  readonly pfNames?: readonly FunctionRange[];
  /** PCI addresses. */
  readonly rootDevices?: readonly FunctionRange[];
  readonly linkTypes?: readonly string[];
}

/** What a VF starts with, set through its PF. What is absent is left alone. Rates in bits per second. */
export interface VfDefaults {
  /** Id 0: untagged. */
  readonly vlan?: Vlan;
  readonly spoofCheck?: boolean;
  readonly trust?: boolean;
  readonly linkState?: "auto" | "enable" | "disable";
  readonly minTxRate?: number;
  readonly maxTxRate?: number;
}

/** Some of a PF's VFs, treated alike. */
export interface VfGroup {
  /** First and last number of each part, from 0; undefined for all VFs. */
  readonly range: readonly (readonly [first: number, last: number])[] | undefined;
  /** Driver to bind, such as `vfio-pci`; undefined for the one that the kernel chooses. */
  readonly driver?: string;
  /** Bytes; of the VFs' links. */
  readonly mtu?: number;
  /** Offered as a pool of this name, behind the agent's prefix; undefined when other pools select the VFs. */
  readonly resourceName?: string;
  readonly defaults: VfDefaults;
}

/** The wanted state of some PFs; cluster-wide. */
export interface DevicePolicy {
  readonly kind: "DevicePolicy";
  readonly name: string;
  /** Labels a node must have; empty for every node. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly nicSelector: NicSelector;
  /** Number of VFs; left alone when undefined. */
  readonly numVfs?: number;
  /** Bytes; of the PF's link, at least that of its VFs. */
  readonly mtu?: number;
  readonly eswitchMode?: "legacy" | "switchdev";
  /** VFs are made by somebody else: the agent only binds drivers and sets what the groups say. */
  readonly externallyManaged: boolean;
  /** 0 to 99; of two policies for one PF the lower number wins, then the first name. */
  readonly priority: number;
  /** Of two groups that name one VF, the first counts. */
  readonly vfGroups: readonly VfGroup[];
}

/** The kernel counts the rates of VFs in whole Mbit/s (IFLA_VF_RATE, include/uapi/linux/if_link.h). */
const VF_RATE_UNIT = 1_000_000;

const nicSelector = fields({
  vendors: entriesOf(ENTRY_PARSERS.vendors).optional(),
  devices: entriesOf(ENTRY_PARSERS.devices).optional(),
  pfNames: entriesOf(ENTRY_PARSERS.pfNames).optional(),
  rootDevices: entriesOf(ENTRY_PARSERS.rootDevices).optional(),
  linkTypes: entriesOf(ENTRY_PARSERS.linkTypes).optional(),
}).superRefine((selector, context) => {
  if (Object.values(selector).every((list) => list === undefined)) {
    const message = `at least one of ${Object.keys(nicSelector.shape).join(", ")}`;
    context.addIssue({ code: "custom", message });
  }
});

const vlan = fields({
  id: wholeNumber(0, 4094),
  qos: wholeNumber(0, 7).default(0),
  protocol: oneOf(["802.1Q", "802.1ad"]).default("802.1Q"),
}).superRefine(({ id, qos, protocol }, context) => {
  // Id 0 takes the tag away, and nothing is left that could have a priority or a protocol.
  if (id !== 0 || (qos === 0 && protocol === "802.1Q")) return;
  context.addIssue({ code: "custom", path: ["id"], message: "an id from 1 to 4094 with qos or 802.1ad" });
});

// 68: the least an IPv4 link must carry (RFC 791); 65535: the most an IP packet can be
const mtu = wholeNumber(68, 65_535).optional();

const vfGroup = fields({
  range: parsedBy(parseNumbers).optional(),
  driver: parsedBy(ENTRY_PARSERS.drivers).optional(),
  mtu,
  resourceName: parsedBy(parsePoolName).optional(),
  vlan: vlan.optional(),
  spoofCheck: yesOrNo().optional(),
  trust: yesOrNo().optional(),
  linkState: oneOf(["auto", "enable", "disable"]).optional(),
  minTxRate: parsedBy(parseVfRate).optional(),
  maxTxRate: parsedBy(parseVfRate).optional(),
})
  .superRefine(({ minTxRate = 0, maxTxRate = 0 }, context) => {
    if (maxTxRate === 0 || minTxRate <= maxTxRate) return;
    const message = `a rate not above maxTxRate, ${formatRate(maxTxRate)}`;
    context.addIssue({ code: "custom", path: ["minTxRate"], message });
  })
  .transform(
    ({ range, driver, mtu, resourceName, ...defaults }): VfGroup => ({
      range,
      ...(driver !== undefined && { driver }),
      ...(mtu !== undefined && { mtu }),
      ...(resourceName !== undefined && { resourceName }),
      defaults,
    }),
  );

const spec = fields({
  nodeSelector: textMap().default({}),
  nicSelector,
  // 65535: TotalVFs has 16 bits (PCI Express, SR-IOV capability)
  numVfs: wholeNumber(0, 65_535).optional(),
  mtu,
  eswitchMode: oneOf(["legacy", "switchdev"]).optional(),
  externallyManaged: yesOrNo().default(false),
  priority: wholeNumber(0, 99).default(99),
  vfGroups: listOf(vfGroup).default([]),
}).superRefine(({ nicSelector, numVfs, mtu, vfGroups }, context) => {
  const refuse = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const isBeyond = (numbers: VfGroup["range"]) =>
    numVfs !== undefined && numbers !== undefined && lastNumber(numbers) >= numVfs;
  const within =
    numVfs === 0 ? "no VFs, as numVfs is 0" : `VFs from 0 to ${(numVfs ?? 0) - 1}, as numVfs is ${numVfs}`;
  for (const field of ["pfNames", "rootDevices"] as const) {
    for (const [index, { numbers }] of (nicSelector[field] ?? []).entries()) {
      if (isBeyond(numbers)) refuse(["nicSelector", field, index], within);
    }
  }
  for (const [index, group] of vfGroups.entries()) {
    if (isBeyond(group.range)) refuse(["vfGroups", index, "range"], within);
    if (mtu !== undefined && group.mtu !== undefined && group.mtu > mtu) {
      refuse(["vfGroups", index, "mtu"], `an MTU not above that of the PF, ${mtu}`);
    }
  }
});

const schema = clusterObject("DevicePolicy", spec);

/** Reads a DevicePolicy. Throws InvalidObjectError. */
export function parseDevicePolicy(document: unknown, place: string): DevicePolicy {
  const { metadata, spec } = validate(schema, document, place);
  return { kind: "DevicePolicy", name: metadata.name, ...spec };
}

/** A rate of a VF in bits per second; 0 takes the limit or the guarantee away. Throws InvalidValueError. */
function parseVfRate(value: unknown, place: string): number {
  const rate = value === 0 || value === "0" ? 0 : parseRate(value, place);
  if (rate % VF_RATE_UNIT === 0) return rate;
  throw new InvalidValueError(place, value, "a rate of whole megabits such as 500M or 1G, or 0 for none");
}
