import { FUNCTION_KINDS } from "./device.ts";
import { DevicePluginReading, isMapping } from "./device-plugin-reading.ts";
import { ALL_SELECTOR_FIELDS, readSelector } from "./device-plugin-selector.ts";
import { InvalidValueError } from "./errors.ts";
import { SELECTOR_FIELDS } from "./function-selector.ts";
import { isExtendedResourceName } from "./names.ts";
import { suggest } from "./nearest.ts";
import type { FunctionPoolConfig, FunctionSelector } from "./pool-config.ts";
import { INFO_KEY, type ParsedPools, type PoolDefaults, readInfoKey, refuseSameName } from "./pool-schema.ts";
import { InvalidObjectError } from "./validation.ts";

type AdditionalInfo = FunctionPoolConfig["additionalInfo"];

/** What stands before the `/` of the device plugin's resources, as a message says it after "expected". */
export const PLUGIN_PREFIX = "a domain in lower case that is not Kubernetes' own, such as intel.com";

const RESOURCE_FIELDS = [
  "resourceName",
  "resourcePrefix",
  "deviceType",
  "excludeTopology",
  "selectors",
  "additionalInfo",
];

/** What old configurations have beside their selectors, or instead of them. */
const OLD_FIELDS = ["sriovMode", ...ALL_SELECTOR_FIELDS];

/**
 * Reads the configuration of the SR-IOV network device plugin, its `config.json`. A resource with a mistake is left
 * out and told, the others go on; of two of one name the first counts. Throws InvalidObjectError for a document that
 * is none at all.
 */
export function parseDevicePluginConfig(
  document: unknown,
  place: string,
  defaults: PoolDefaults,
): ParsedPools<FunctionPoolConfig> {
  if (!isMapping(document)) throw refuseFile(place, document, "a mapping with the field resourceList");
  const file = new DevicePluginReading();
  const resourceList = file.fields(document, place, ["resourceList"], { separator: " " })?.resourceList;
  if (resourceList !== undefined && !Array.isArray(resourceList)) {
    throw refuseFile(`${place} resourceList`, resourceList, "a list of resources");
  }
  const list: readonly unknown[] = resourceList ?? [];
  if (list.length === 0) file.note(`${place} resourceList`, resourceList, "at least one resource");

  const pools: FunctionPoolConfig[] = [];
  const problems = [...file.problems];
  const owners = new Map<string, string>();
  for (const [index, entry] of list.entries()) {
    const own = `${place} resourceList[${index}]`;
    const reading = new DevicePluginReading();
    const pool = readResource(entry, own, defaults, reading);
    problems.push(...reading.problems);
    if (pool === undefined) continue;
    const resource = `${pool.prefix}/${pool.name}`;
    const owner = owners.get(resource);
    if (owner === undefined) {
      owners.set(resource, own);
      pools.push(pool);
    } else problems.push(refuseSameName(own, "resourceName", pool.name, resource, owner));
  }
  return { pools, problems };
}

/** A resource as a pool, or undefined when something of it was refused. */
function readResource(
  value: unknown,
  place: string,
  defaults: PoolDefaults,
  reading: DevicePluginReading,
): FunctionPoolConfig | undefined {
  const fields = reading.fields(value, place, RESOURCE_FIELDS, { others: OLD_FIELDS });
  if (fields === undefined) return undefined;
  const { prefix, name } = readName(fields, place, defaults.prefix, reading);
  const kind = readKind(fields.deviceType, `${place}.deviceType`, reading);
  const isRdma = readOldFields(fields, place, kind, reading);
  const pool: FunctionPoolConfig = {
    kind,
    prefix,
    name,
    allocation: "numa",
    health: defaults.health,
    selectors: readSelectors(fields.selectors, `${place}.selectors`, kind, isRdma, reading),
    additionalInfo: readAdditionalInfo(fields.additionalInfo, `${place}.additionalInfo`, reading),
    excludeTopology: reading.flag(fields.excludeTopology, `${place}.excludeTopology`),
  };
  return reading.isUsable ? pool : undefined;
}

function readName(
  fields: Readonly<Record<string, unknown>>,
  place: string,
  defaultPrefix: string,
  reading: DevicePluginReading,
): { prefix: string; name: string } {
  const name = reading.text(fields.resourceName, `${place}.resourceName`) ?? "";
  const prefix = reading.text(fields.resourcePrefix, `${place}.resourcePrefix`) ?? defaultPrefix;
  // The kubelet takes points in a name too, but the device plugin does not.
  if (!/^[\w-]+$/.test(name) || !isExtendedResourceName(`example.org/${name}`)) {
    const expected = "a name of at most 63 letters, digits, '-' and '_', with a letter or digit at both ends";
    reading.refuse(`${place}.resourceName`, fields.resourceName, expected);
  }
  if (!isExtendedResourceName(`${prefix}/x`)) {
    reading.refuse(`${place}.resourcePrefix`, prefix, PLUGIN_PREFIX);
  }
  return { prefix, name };
}

function readKind(value: unknown, place: string, reading: DevicePluginReading): FunctionPoolConfig["kind"] {
  const written = reading.text(value, place) ?? "netDevice";
  const kind = FUNCTION_KINDS.find((each) => each === written);
  if (kind === undefined) {
    reading.refuse(place, written, `one of ${FUNCTION_KINDS.join(", ")}${suggest(written, FUNCTION_KINDS)}`);
  }
  return kind ?? "netDevice";
}

/** Tells what stands beside the selectors and belongs into them. Returns whether all of them are to be for RDMA. */
function readOldFields(
  fields: Readonly<Record<string, unknown>>,
  place: string,
  kind: FunctionPoolConfig["kind"],
  reading: DevicePluginReading,
): boolean {
  let isRdma = false;
  for (const field of OLD_FIELDS.filter((name) => fields[name] !== undefined)) {
    const value = fields[field];
    const right = `selectors: [{"${field}": ${JSON.stringify(value)}}]`;
    if (field === "isRdma" && SELECTOR_FIELDS[kind].includes(field)) {
      isRdma = reading.flag(value, `${place}.isRdma`);
      reading.note(`${place}.isRdma`, value, `${right}, as which it is read`);
    } else if (field === "sriovMode") {
      const example = `selectors: [{"rootDevices": ["0000:86:00.0"]}]`;
      reading.note(
        `${place}.sriovMode`,
        value,
        `${example}, which selects the VFs of a PF; it is ignored here`,
      );
    } else reading.note(`${place}.${field}`, value, `${right}; it is ignored here`);
  }
  return isRdma;
}

function readSelectors(
  value: unknown,
  place: string,
  kind: FunctionPoolConfig["kind"],
  isRdma: boolean,
  reading: DevicePluginReading,
): FunctionSelector[] {
  const readOne = (entry: unknown, own: string) => readSelector(entry, own, kind, isRdma, reading) ?? [];
  if (isMapping(value)) return [readOne(value, place)].flat();
  const list =
    reading.list(value, place)?.map((entry, index) => ({ entry, own: `${place}[${index}]` })) ?? [];
  const written = list.filter(({ entry }) => entry !== null);
  if (written.length === 0) reading.refuse(place, value, "at least one selector");
  return written.flatMap(({ entry, own }) => readOne(entry, own));
}

function readAdditionalInfo(value: unknown, place: string, reading: DevicePluginReading): AdditionalInfo {
  if (value === undefined) return {};
  if (!isMapping(value)) {
    reading.refuse(place, value, "a mapping of PCI addresses, or *, to names with text values");
    return {};
  }
  const entries = Object.entries(value).flatMap(([key, info]) => {
    const own = `${place}["${key}"]`;
    const address = readInfoKey(key);
    if (address === undefined) reading.note(own, info, `${INFO_KEY}; it is ignored`);
    else if (isMapping(info)) return [[address, readTexts(info, own, reading)] as const];
    else if (info !== null) reading.note(own, info, "names with text values; it is ignored");
    return [];
  });
  return Object.fromEntries(entries);
}

function readTexts(
  values: Readonly<Record<string, unknown>>,
  place: string,
  reading: DevicePluginReading,
): Record<string, string> {
  const entries = Object.entries(values).flatMap(([key, value]) => {
    if (typeof value === "string") return [[key, value] as const];
    if (value !== null) reading.note(`${place}["${key}"]`, value, "text in quotes; it is ignored");
    return [];
  });
  return Object.fromEntries(entries);
}

function refuseFile(place: string, value: unknown, expected: string): InvalidObjectError {
  return new InvalidObjectError([new InvalidValueError(place, value, expected)]);
}
