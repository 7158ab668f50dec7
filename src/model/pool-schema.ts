import { z } from "zod";
import { ALLOCATION_POLICIES, FUNCTION_KINDS } from "./device.ts";
import { InvalidValueError } from "./errors.ts";
import { selectorSchemas } from "./function-selector.ts";
import type { HealthPolicy } from "./health.ts";
import { changeHealth, healthChanges } from "./health-schema.ts";
import { isExtendedResourceName, isQualifiedName, parseLinkName } from "./names.ts";
import { readPciAddress } from "./pci.ts";
import type { FunctionPoolConfig, FunctionSelector, PoolConfig } from "./pool-config.ts";
import { parseRate } from "./quantity.ts";
import {
  fields,
  InvalidObjectError,
  listOf,
  oneOf,
  parsedBy,
  textMap,
  validate,
  variants,
  yesOrNo,
} from "./validation.ts";

/** What a pool has that says nothing of it. */
export interface PoolDefaults {
  readonly prefix: string;
  readonly health: HealthPolicy;
}

/** The pools that can be formed, and why the others were left out. */
export interface ParsedPools<Config extends PoolConfig = PoolConfig> {
  readonly pools: readonly Config[];
  readonly problems: readonly InvalidValueError[];
}

/** What stands for a key of `additionalInfo`, as a message says it after "expected". */
export const INFO_KEY = "a PCI address such as 0000:86:00.1, or * for every device, before it";

const KINDS = ["hostDevice", "bandwidthShare", ...FUNCTION_KINDS] as const;

const common = {
  prefix: parsedBy(parseResourcePrefix).optional(),
  name: parsedBy(parsePoolName),
  allocation: oneOf(ALLOCATION_POLICIES).default("numa"),
  health: healthChanges.optional(),
};

const hostDevice = fields({
  kind: z.literal("hostDevice"),
  ...common,
  links: listOf(parsedBy(parsePattern)).min(1, { error: "at least one pattern, such as nic*" }),
});

const bandwidthShare = fields({
  kind: z.literal("bandwidthShare"),
  ...common,
  uplink: parsedBy(parseLinkName),
  share: parsedBy(parseRate),
  total: parsedBy(parseRate).optional(),
}).superRefine(({ share, total }, context) => {
  if (total !== undefined && share > total) {
    context.addIssue({ code: "custom", path: ["share"], message: "a rate not above the total" });
  }
});

/** By PCI address, or `*` for every device. */
const additionalInfo = z
  .record(z.string(), textMap(), { error: "a mapping of PCI addresses, or *, to names with text values" })
  .transform((written, context) => {
    const entries = Object.entries(written).map(([key, info]) => {
      const address = readInfoKey(key);
      if (address === undefined) context.addIssue({ code: "custom", path: [key], message: INFO_KEY });
      return [address ?? key, info] as const;
    });
    return Object.fromEntries(entries);
  });

const pool = variants("kind", KINDS, [
  hostDevice,
  bandwidthShare,
  functions("netDevice"),
  functions("accelerator"),
  functions("auxNetDevice"),
]);

/**
 * Reads the agent's own list of pools. One with a mistake is left out and told, the others go on; of two of one name
 * the first counts. `place` is where the list stands.
 */
export function parsePools(list: readonly unknown[], place: string, defaults: PoolDefaults): ParsedPools {
  const pools: PoolConfig[] = [];
  const problems: InvalidValueError[] = [];
  const owners = new Map<string, string>();
  for (const [index, document] of list.entries()) {
    const own = `${place}[${index}]`;
    try {
      const config = parsePool(document, own, defaults);
      const resource = `${config.prefix}/${config.name}`;
      const owner = owners.get(resource);
      if (owner !== undefined) throw refuseSameName(own, "name", config.name, resource, owner);
      owners.set(resource, own);
      pools.push(config);
    } catch (error) {
      if (error instanceof InvalidObjectError) problems.push(...error.mistakes);
      else if (error instanceof InvalidValueError) problems.push(error);
      else throw error;
    }
  }
  return { pools, problems };
}

/** What is wrong with a pool whose resource is offered by another one, at `owner`, already. */
export function refuseSameName(
  place: string,
  field: string,
  name: string,
  resource: string,
  owner: string,
): InvalidValueError {
  return new InvalidValueError(
    `${place}.${field}`,
    name,
    `a name of its own: ${resource} is taken by ${owner}`,
  );
}

/** What stands before the `/` of resources: a domain of one's own. Throws InvalidValueError. */
export function parseResourcePrefix(value: unknown, place: string): string {
  if (typeof value === "string" && value.includes(".") && isExtendedResourceName(`${value}/x`)) return value;
  throw new InvalidValueError(place, value, "a domain of your own, such as lanyard.dev");
}

/** What stands behind the `/` of a resource. Throws InvalidValueError. */
export function parsePoolName(value: unknown, place: string): string {
  if (isQualifiedName(value)) return value;
  throw new InvalidValueError(place, value, "a pool's name without a prefix, such as nics");
}

/** A key of `additionalInfo` in the kernel's spelling, or undefined when it is neither a PCI address nor `*`. */
export function readInfoKey(key: string): string | undefined {
  return key === "*" ? key : readPciAddress(key);
}

function functions<const Kind extends FunctionPoolConfig["kind"]>(kind: Kind) {
  return fields({
    kind: z.literal(kind),
    ...common,
    selectors: oneOrMore(selectorSchemas[kind]),
    additionalInfo: additionalInfo.default({}),
    excludeTopology: yesOrNo().default(false),
  });
}

/** A list of what the schema reads, or one of it without a list. */
function oneOrMore(schema: z.ZodType<FunctionSelector>) {
  const list = z
    .array(schema, { error: "a selector, or a list of them" })
    .min(1, { error: "at least one selector" });
  return z.unknown().transform((value, context): readonly FunctionSelector[] => {
    const isOne = typeof value === "object" && value !== null && !Array.isArray(value);
    const result = isOne ? schema.safeParse(value) : list.safeParse(value);
    if (result.success) return Array.isArray(result.data) ? result.data : [result.data];
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });
}

function parsePool(document: unknown, place: string, defaults: PoolDefaults): PoolConfig {
  try {
    const { prefix = defaults.prefix, health, ...rest } = validate(pool, document, "");
    return { ...rest, prefix, health: changeHealth(defaults.health, health) };
  } catch (error) {
    if (!(error instanceof InvalidObjectError)) throw error;
    // The list's own place ends in a path already, which goes on with a point.
    const mistakes = error.mistakes.map(({ place: field, value, expected }) => {
      const separator = field === "" || field.startsWith("[") ? "" : ".";
      return new InvalidValueError(`${place}${separator}${field}`, value, expected);
    });
    throw new InvalidObjectError(mistakes);
  }
}

function parsePattern(value: unknown, place: string): string {
  if (typeof value === "string" && /^[^/\s]+$/.test(value)) return value;
  throw new InvalidValueError(place, value, "a pattern of link names, such as nic* or eth[1-4]");
}
