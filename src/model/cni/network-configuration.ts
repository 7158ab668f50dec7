import { z } from "zod";
import { isMapping } from "../device-plugin-reading.ts";
import { InvalidValueError } from "../errors.ts";
import { InvalidObjectError, listOf, parsedBy, readFields, validate, yesOrNo } from "../validation.ts";
import { goFields, readJson, withKnownSpelling } from "./go-json.ts";
import { type CniVersion, IncompatibleVersionError, parseVersion, SUPPORTED_VERSIONS } from "./versions.ts";

/**
 * A network in the words of the CNI specification: a list of plugins that are run one after the other. A single plugin's
 * configuration (`.conf`) is a list of one.
 */
export interface NetworkConfiguration {
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  /** At least one. */
  readonly plugins: readonly PluginConfiguration[];
}

/** What one plugin of a network is told. */
export interface PluginConfiguration {
  /** Name of its program. */
  readonly type: string;
  /** Capabilities it declares, `{"ips": true}`: what may be put into its `runtimeConfig`. */
  readonly capabilities: Readonly<Record<string, boolean>>;
  /** Everything as written, `type` and `capabilities` included, `cniVersion` and `name` not: a program gets it unchanged. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** What is told to the plugins of a network for one attachment alone (CNI conventions, "Dynamic Plugin specific fields"). */
export interface RuntimeConfiguration {
  /** CIDR form, or without a prefix length as somebody wrote them. */
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly bandwidth?: BandwidthLimits;
  readonly portMappings?: readonly PortMapping[];
  readonly infinibandGUID?: string;
  readonly deviceID?: string;
  /** Path of the device-info file that the attachment shall have. */
  readonly CNIDeviceInfoFile?: string;
}

/** Limits in the units of CNI's `bandwidth` capability: bits per second, and bits. 0 or absent: no limit. */
export interface BandwidthLimits {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: string;
  readonly hostIP?: string;
}

const flag = parsedBy(parseFlag).default(false);

const plugin = goFields({
  type: parsedBy(parseProgramName),
  capabilities: z
    .record(z.string(), yesOrNo(), { error: `capabilities with true or false, such as {"ips": true}` })
    .optional(),
});

const network = readFields({
  name: parsedBy(parseNetworkName),
  disableCheck: flag,
  disableGC: flag,
  plugins: listOf(plugin).min(1, { error: "at least one plugin" }),
});

const singlePlugin = goFields({ name: parsedBy(parseNetworkName) });

/**
 * Reads a network: a list of plugins, or one plugin's configuration, as JSON text or as what that says. One that has a
 * `type` is one plugin's. `defaultName` is its name where it writes none, as for a NetworkAttachmentDefinition.
 * Throws InvalidObjectError.
 */
export function parseNetworkConfiguration(
  textOrDocument: unknown,
  place: string,
  defaultName?: string,
): NetworkConfiguration {
  const document =
    typeof textOrDocument === "string" ? readJson(textOrDocument, place, EXPECTED) : textOrDocument;
  if (!isMapping(document)) throw new InvalidObjectError([new InvalidValueError(place, document, EXPECTED)]);
  const { type } = withKnownSpelling(document, ["type"]) as { type?: unknown };
  const isSingle = typeof type === "string" && type !== "";
  return (isSingle ? readSinglePlugin : readList)(document, place, defaultName);
}

const EXPECTED = "a network's configuration in JSON, with plugins or with the type of one";

function readList(
  document: Readonly<Record<string, unknown>>,
  place: string,
  defaultName: string | undefined,
): NetworkConfiguration {
  const named = withDefaultName(document, defaultName);
  const { name, disableCheck, disableGC, plugins } = validate(network, named, place);
  const written = named.plugins as readonly Readonly<Record<string, unknown>>[];
  return {
    cniVersion: readVersion(document, place),
    name,
    disableCheck,
    disableGc: disableGC,
    plugins: plugins.map((read, index) => describePlugin(read, written[index] ?? {})),
  };
}

function readSinglePlugin(
  document: Readonly<Record<string, unknown>>,
  place: string,
  defaultName: string | undefined,
): NetworkConfiguration {
  const named = withDefaultName(document, defaultName);
  const { name } = validate(singlePlugin, named, place);
  return {
    cniVersion: readVersion(document, place),
    name,
    disableCheck: false,
    disableGc: false,
    plugins: [describePlugin(validate(plugin, document, place), document)],
  };
}

function describePlugin(
  { type, capabilities }: z.infer<typeof plugin>,
  written: Readonly<Record<string, unknown>>,
): PluginConfiguration {
  const { cniVersion: _, name: __, ...own } = written;
  return { type, capabilities: capabilities ?? {}, written: own };
}

function withDefaultName(document: Readonly<Record<string, unknown>>, defaultName: string | undefined) {
  const isNamed = document.name !== undefined && document.name !== null && document.name !== "";
  return isNamed || defaultName === undefined ? document : { ...document, name: defaultName };
}

/**
 * The version that is spoken with the plugins: the newest that we speak of those in `cniVersions` and `cniVersion`; others
 * are passed over where there is such a list (specification 1.1.0, "Configuration format").
 */
function readVersion(document: Readonly<Record<string, unknown>>, place: string): CniVersion {
  const { cniVersion, cniVersions } = document;
  try {
    const offered = validate(versionList, cniVersions ?? [], `${place} cniVersions`);
    if (offered.length === 0) return parseVersion(cniVersion, `${place} cniVersion`);
    const best = SUPPORTED_VERSIONS.findLast(
      (version) => version === cniVersion || offered.includes(version),
    );
    if (best === undefined) throw new IncompatibleVersionError(`${place} cniVersions`, cniVersions);
    return best;
  } catch (error) {
    throw error instanceof IncompatibleVersionError ? new InvalidObjectError([error]) : error;
  }
}

const versionList = listOf(
  z
    .string({ error: "a version such as 1.0.0" })
    .regex(/^\d+\.\d+\.\d+$/, { error: "a version such as 1.0.0" }),
);

/** libcni takes both the word and its text for these. */
function parseFlag(value: unknown, place: string): boolean {
  const word = typeof value === "string" ? value.toLowerCase() : value;
  if (word === true || word === "true") return true;
  if (word === false || word === "false") return false;
  throw new InvalidValueError(place, value, "true or false");
}

/** Names of networks are parts of files' names (specification 1.1.0, "Network configuration format"). */
function parseNetworkName(value: unknown, place: string): string {
  if (typeof value === "string" && /^[a-zA-Z0-9][\w.-]*$/.test(value)) return value;
  const expected = "a name of letters, digits, '_', '.' and '-', beginning with a letter or digit";
  throw new InvalidValueError(place, value, expected);
}

/** The name of a plugin's program. Throws InvalidValueError. */
export function parseProgramName(value: unknown, place: string): string {
  // A name with a path in it could lead out of the folders that the administrator has set.
  if (typeof value === "string" && /^[^/\s\0]+$/.test(value) && value !== "." && value !== "..") return value;
  throw new InvalidValueError(place, value, "the name of a plugin such as macvlan, without '/' and spaces");
}
