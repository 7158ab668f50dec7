import type { DevicePluginReading } from "./device-plugin-reading.ts";
import { InvalidValueError } from "./errors.ts";
import { splitRange } from "./function-range.ts";
import { ENTRY_PARSERS, RDMA_AND_VDPA, SELECTOR_FIELDS, VDPA_TYPES } from "./function-selector.ts";
import { suggest } from "./nearest.ts";
import { readPciAddress } from "./pci.ts";
import type { FunctionPoolConfig, FunctionRange, FunctionSelector } from "./pool-config.ts";

type ListField = keyof typeof ENTRY_PARSERS;

/** Every field a selector can have, whatever it selects. */
export const ALL_SELECTOR_FIELDS: readonly string[] = [...new Set(Object.values(SELECTOR_FIELDS).flat())];

/** Stands for a word that cannot be read: no function has it. */
const NO_WORD = "?";

/**
 * Reads one selector of a device plugin's resource; undefined for what is no mapping. `isRdma` holds where the selector
 * does not say. What comes back means something only if nothing was refused.
 */
export function readSelector(
  value: unknown,
  place: string,
  kind: FunctionPoolConfig["kind"],
  isRdma: boolean,
  reading: DevicePluginReading,
): FunctionSelector | undefined {
  const known = SELECTOR_FIELDS[kind];
  const fields = reading.fields(value, place, known, { others: ALL_SELECTOR_FIELDS });
  if (fields === undefined) return undefined;
  for (const [field, entry] of Object.entries(fields)) {
    if (known.includes(field)) continue;
    const expected = `one of the fields ${known.join(", ")} for the device type ${kind}; it is ignored`;
    reading.note(`${place}.${field}`, entry, expected);
  }
  const own = (field: string) => (known.includes(field) ? fields[field] : undefined);

  const lists = (Object.keys(ENTRY_PARSERS) as ListField[]).flatMap((field) => {
    const list = readList(field, own(field), `${place}.${field}`, reading);
    return list === undefined ? [] : [[field, list] as const];
  });
  const vdpaType = readVdpaType(own("vdpaType"), `${place}.vdpaType`, reading);
  const selector: FunctionSelector = {
    ...(Object.fromEntries(lists) as Pick<FunctionSelector, ListField>),
    isRdma: own("isRdma") === undefined ? isRdma : reading.flag(own("isRdma"), `${place}.isRdma`),
    needVhostNet: reading.flag(own("needVhostNet"), `${place}.needVhostNet`),
    ...(vdpaType !== undefined && { vdpaType }),
  };
  if (selector.isRdma && vdpaType !== undefined) {
    reading.refuse(`${place}.vdpaType`, vdpaType, RDMA_AND_VDPA);
  }
  if (kind === "auxNetDevice" && selector.auxTypes === undefined) {
    reading.refuse(`${place}.auxTypes`, own("auxTypes"), `["sf"], the only kind that is known`);
  }
  return selector;
}

/**
 * An entry that cannot be read stays as one that matches nothing: a list that became empty by a mistake would select
 * everything.
 */
function readList(
  field: ListField,
  value: unknown,
  place: string,
  reading: DevicePluginReading,
): (string | FunctionRange)[] | undefined {
  return reading.list(value, place)?.map((entry, index) => {
    const entryPlace = `${place}[${index}]`;
    const meant =
      field === "vendors" || field === "devices" ? withoutBase(entry, entryPlace, reading) : entry;
    try {
      return ENTRY_PARSERS[field](meant, entryPlace);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      if (field === "auxTypes") reading.refuse(entryPlace, entry, error.expected);
      else reading.note(entryPlace, entry, `${error.expected}; this entry matches nothing`);
      return field === "pfNames" || field === "rootDevices" ? noFunctions(entry) : NO_WORD;
    }
  });
}

/** `0x8086` can only mean 8086. */
function withoutBase(id: unknown, place: string, reading: DevicePluginReading): unknown {
  const digits = typeof id === "string" ? /^0x([\da-f]{4})$/i.exec(id)?.[1] : undefined;
  if (digits === undefined) return id;
  reading.note(place, id, `"${digits.toLowerCase()}", as which it is read`);
  return digits;
}

function noFunctions(entry: unknown): FunctionRange {
  const { pf } = splitRange(typeof entry === "string" ? entry : NO_WORD);
  return { pf: readPciAddress(pf) ?? pf, numbers: [] };
}

function readVdpaType(
  value: unknown,
  place: string,
  reading: DevicePluginReading,
): FunctionSelector["vdpaType"] {
  const written = reading.text(value, place);
  const known = VDPA_TYPES.find((type) => type === written);
  if (written !== undefined && known === undefined) {
    reading.refuse(place, written, `one of ${VDPA_TYPES.join(", ")}${suggest(written, VDPA_TYPES)}`);
  }
  return known;
}
