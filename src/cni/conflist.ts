import { OWN_TYPE } from "../model/cni/own-plugin.ts";
import { errorText, InvalidValueError } from "../model/errors.ts";

/** Sorts before what others write; the runtime takes the first file of its folder. */
export const OWN_FILE = "00-lanyard.conflist";

/** The capability by which containerd hands over a pod's annotations. */
export const ANNOTATIONS_CAPABILITY = "io.kubernetes.cri.pod-annotations";

/** What the shim is told in our entry. */
export interface ShimSettings {
  /** Path of the agent's CNI socket. */
  readonly socket: string;
  /** Folder of the DELs that wait for the agent. */
  readonly spool: string;
  readonly waitMilliseconds: number;
  readonly graceMilliseconds: number;
  /** Whether pods get networks that they do not ask for, so that none is let through unseen. */
  readonly hasDefaultNetworks: boolean;
}

/** A network that lies in the runtime's folder. */
export interface NetworkFile {
  /** Name of the file. */
  readonly file: string;
  /** As a list of plugins, in the order of the keys as they were written. */
  readonly document: NetworkDocument;
}

interface NetworkDocument {
  readonly name: string;
  readonly plugins: readonly PluginEntry[];
}

interface PluginEntry {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, unknown>>;
}

/**
 * The file whose network the runtime would take if ours was not there: the first in name order of those it reads at all.
 *
 * @param clusterNetwork the file that was configured, in place of the first
 */
export function chooseNetwork(names: readonly string[], clusterNetwork?: string): string | undefined {
  const candidates = names.filter((name) => /\.(conf|conflist|json)$/.test(name) && name !== OWN_FILE);
  if (clusterNetwork !== undefined) return candidates.find((name) => name === clusterNetwork);
  return candidates.sort(byCodeUnits)[0];
}

/**
 * Reads a network as the runtime does: a `.conflist` holds a list of plugins, a `.conf` or `.json` one plugin. Throws
 * InvalidValueError.
 */
export function readNetworkFile(file: string, text: string): NetworkFile {
  const document = parseJson(file, text);
  if (typeof document.name !== "string") {
    throw new InvalidValueError(`${file} name`, document.name, "the name of the network");
  }
  const plugins: unknown = file.endsWith(".conflist") ? document.plugins : [document];
  const place = file.endsWith(".conflist") ? `${file} plugins` : file;
  if (!Array.isArray(plugins) || plugins.length === 0 || !plugins.every(hasType)) {
    throw new InvalidValueError(place, plugins, 'plugins, each with its type, such as {"type": "bridge"}');
  }
  if (file.endsWith(".conflist")) return { file, document: document as unknown as NetworkDocument };
  const { cniVersion, name } = document;
  return { file, document: { ...(cniVersion !== undefined && { cniVersion }), name, plugins } };
}

/** Whether the network limits the bandwidth of its interfaces itself, so that nobody else must. */
export function shapesBandwidth({ document }: NetworkFile): boolean {
  return document.plugins.some(
    ({ type, capabilities }) => type === "bandwidth" || capabilities?.bandwidth === true,
  );
}

/** Why our plugin cannot stand behind a network; undefined when it can. Says what to do. */
export function whyNotBehind({ file, document }: NetworkFile): string | undefined {
  if (document.plugins.some(({ type }) => type === "multus" || type === "multus-shim")) {
    return (
      `${file} is the network of Multus, which serves the same annotation: behind it, pods would get their networks ` +
      "twice. Remove Multus and its file, or name the cluster's own network in cni.clusterNetwork"
    );
  }
  if (document.plugins.some(({ type }) => type === OWN_TYPE)) {
    return `${file} names the plugin ${OWN_TYPE} itself, and is used as it is; set cni.chained: false`;
  }
  return undefined;
}

/** The text of our file: the network as it is, with our plugin at the end of its list. */
export function chainBehind(network: NetworkFile, agent: ShimSettings): string {
  const isShaped = shapesBandwidth(network);
  const entry = {
    type: OWN_TYPE,
    capabilities: { [ANNOTATIONS_CAPABILITY]: true, ...(!isShaped && { bandwidth: true }) },
    attachPodNetworks: true,
    ...(isShaped && { shapeInterface: false }),
    agent,
  };
  const { plugins } = network.document;
  return `${JSON.stringify({ ...network.document, plugins: [...plugins, entry] }, undefined, 2)}\n`;
}

/** Whether a file of our name is one that we made; with `socket`, the agent that listens there. */
export function isOwnText(text: string, socket?: string): boolean {
  try {
    const { plugins } = JSON.parse(text) as {
      plugins?: readonly { type?: unknown; agent?: { socket?: unknown } }[];
    };
    const last = plugins?.at(-1);
    return last?.type === OWN_TYPE && (socket === undefined || last.agent?.socket === socket);
  } catch {
    return false;
  }
}

function parseJson(file: string, text: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new InvalidValueError(file, text, `JSON (${errorText(error)})`);
  }
  if (typeof document === "object" && document !== null && !Array.isArray(document)) {
    return document as Record<string, unknown>;
  }
  throw new InvalidValueError(file, document, "a network's configuration, which is a JSON object");
}

function hasType(plugin: unknown): boolean {
  return typeof (plugin as { type?: unknown } | null)?.type === "string";
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : 1;
}
