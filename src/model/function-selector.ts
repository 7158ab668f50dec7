import type { z } from "zod";
import type { FUNCTION_KINDS } from "./device.ts";
import { InvalidValueError } from "./errors.ts";
import { parsePfName, parseRootDevice } from "./function-range.ts";
import { suggest } from "./nearest.ts";
import { parsePciAddress, parsePciId } from "./pci.ts";
import type { FunctionSelector } from "./pool-config.ts";
import { fields, listOf, oneOf, parsedBy, yesOrNo } from "./validation.ts";

type FunctionKind = (typeof FUNCTION_KINDS)[number];

/** Kinds of vDPA devices a selector can ask for. */
export const VDPA_TYPES = ["vhost", "virtio"] as const;

/** How one entry of each list of a selector is read. Each throws InvalidValueError. */
export const ENTRY_PARSERS = {
  vendors: parsePciId,
  devices: parsePciId,
  drivers: parseWord("the name of a driver, such as vfio-pci"),
  pciAddresses: parsePciAddress,
  acpiIndexes: parseAcpiIndex,
  pfNames: parsePfName,
  rootDevices: parseRootDevice,
  linkTypes: parseWord("a link type, such as ether or infiniband"),
  ddpProfiles: parseProfile,
  pKeys: parsePartitionKey,
  auxTypes: parseAuxType,
} as const;

/** A list of what a parse function reads, with at least one entry: an empty list could mean all or none. */
export function entriesOf<T>(parse: (value: unknown, place: string) => T) {
  return listOf(parsedBy(parse)).min(1, { error: "at least one entry; without the field all are meant" });
}

const identity = {
  vendors: entriesOf(ENTRY_PARSERS.vendors).optional(),
  devices: entriesOf(ENTRY_PARSERS.devices).optional(),
  drivers: entriesOf(ENTRY_PARSERS.drivers).optional(),
};

const addresses = {
  pciAddresses: entriesOf(ENTRY_PARSERS.pciAddresses).optional(),
  acpiIndexes: entriesOf(ENTRY_PARSERS.acpiIndexes).optional(),
};

const network = {
  pfNames: entriesOf(ENTRY_PARSERS.pfNames).optional(),
  rootDevices: entriesOf(ENTRY_PARSERS.rootDevices).optional(),
  linkTypes: entriesOf(ENTRY_PARSERS.linkTypes).optional(),
  isRdma: yesOrNo().default(false),
  needVhostNet: yesOrNo().default(false),
};

/** Which fields a selector has, by what it selects. */
const SHAPES = {
  netDevice: {
    ...identity,
    ...addresses,
    ...network,
    ddpProfiles: entriesOf(ENTRY_PARSERS.ddpProfiles).optional(),
    pKeys: entriesOf(ENTRY_PARSERS.pKeys).optional(),
    vdpaType: oneOf(VDPA_TYPES).optional(),
  },
  accelerator: { ...identity, ...addresses },
  auxNetDevice: { ...identity, ...network, auxTypes: entriesOf(ENTRY_PARSERS.auxTypes) },
} as const;

/** Names of the fields a selector has, by what it selects. */
export const SELECTOR_FIELDS: Readonly<Record<FunctionKind, readonly string[]>> = {
  netDevice: Object.keys(SHAPES.netDevice),
  accelerator: Object.keys(SHAPES.accelerator),
  auxNetDevice: Object.keys(SHAPES.auxNetDevice),
};

/** What is wrong with a selector that asks for RDMA and for vDPA, as a message says it after "expected". */
export const RDMA_AND_VDPA = "no vdpaType beside isRdma; give each a selector of its own";

/** The schema of a selector, by what it selects. */
export const selectorSchemas: Readonly<Record<FunctionKind, z.ZodType<FunctionSelector>>> = {
  netDevice: fields(SHAPES.netDevice).superRefine(({ isRdma, vdpaType }, context) => {
    if (isRdma && vdpaType !== undefined) {
      context.addIssue({ code: "custom", path: ["vdpaType"], message: RDMA_AND_VDPA });
    }
  }),
  accelerator: fields(SHAPES.accelerator).transform((selector) => ({
    ...selector,
    isRdma: false,
    needVhostNet: false,
  })),
  auxNetDevice: fields(SHAPES.auxNetDevice),
};

function parseWord(expected: string) {
  return (value: unknown, place: string): string => {
    if (typeof value === "string" && /^\S+$/.test(value)) return value;
    throw new InvalidValueError(place, value, expected);
  };
}

/** Names of profiles hold spaces. */
function parseProfile(value: unknown, place: string): string {
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new InvalidValueError(place, value, "the name of a DDP profile, such as GTPv1-C/U IPv4/IPv6 payload");
}

function parseAcpiIndex(value: unknown, place: string): string {
  const isText = typeof value === "string" || typeof value === "number";
  if (isText && /^(0|[1-9]\d*)$/.test(String(value))) return String(value);
  throw new InvalidValueError(place, value, `a decimal number from acpi_index, such as "101"`);
}

/** As the kernel writes it, with four digits (Documentation/ABI/stable/sysfs-class-infiniband). */
function parsePartitionKey(value: unknown, place: string): string {
  const digits = typeof value === "string" ? /^0x([\da-f]{1,4})$/i.exec(value)?.[1] : undefined;
  if (digits !== undefined) return `0x${digits.toLowerCase().padStart(4, "0")}`;
  throw new InvalidValueError(place, value, `a partition key in quotes, such as "0x8001"`);
}

function parseAuxType(value: unknown, place: string): string {
  if (value === "sf") return value;
  throw new InvalidValueError(place, value, `sf, the only kind that is known${suggest(value, ["sf"])}`);
}
