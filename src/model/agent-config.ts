import { isIP } from "node:net";
import { z } from "zod";
import { InvalidValueError } from "./errors.ts";
import { DEFAULT_HEALTH_POLICY, type HealthPolicy } from "./health.ts";
import { changeHealth, healthChanges } from "./health-schema.ts";
import { isSubdomain } from "./names.ts";
import { namespaceName } from "./object.ts";
import type { PoolConfig } from "./pool-config.ts";
import { parsePools, parseResourcePrefix } from "./pool-schema.ts";
import { fields, listOf, parsedBy, textMap, validate, wholeNumber, yesOrNo } from "./validation.ts";

/** What the SR-IOV network device plugin puts before the `/` when it is told nothing (`-resource-prefix`). */
const DEVICE_PLUGIN_PREFIX = "intel.com";

/** Where something is served. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host?: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** How the container runtime reaches the agent, and what pods get that ask for nothing. */
export interface CniConfig {
  /** Whether the plugin is installed and served. */
  readonly enabled: boolean;
  /** Where the runtime looks for plugins' programs; ours is put there. */
  readonly binDirectory: string;
  /** Where the runtime looks for networks, and where ours is put, chained behind the first that is another's. */
  readonly confDirectory: string;
  /** Where else plugins' programs are looked for, besides `binDirectory`. */
  readonly pluginDirectories: readonly string[];
  /** Whether a network is put into `confDirectory`; without, the plugin works where somebody names it. */
  readonly chained: boolean;
  /** Name of the file in `confDirectory` to stand behind; the first that is not ours when absent. */
  readonly clusterNetwork?: string;
  /** How long ADD and CHECK wait for an agent that is away, in milliseconds. */
  readonly waitMs: number;
  /** How long STATUS calls a node well whose agent is away, in milliseconds. */
  readonly graceMs: number;
  /** Networks that every pod gets: as an element of the annotation names them, `namespace/name`. */
  readonly defaultNetworks: readonly string[];
  /** Whether pods may name NetworkAttachmentDefinitions of their own namespace and of `globalNamespaces` only. */
  readonly namespaceIsolation: boolean;
  readonly globalNamespaces: readonly string[];
  /** Pods of these namespaces get no default networks. */
  readonly systemNamespaces: readonly string[];
  /** Whether the socket of the Multus daemon is served too, and where. */
  readonly multusSocket: boolean;
  readonly multusDirectory: string;
  /** How long another plugin's program may take, in milliseconds. */
  readonly programTimeoutMs: number;
  /** How often journal, pods, namespaces and runtime are compared, in milliseconds. */
  readonly collectIntervalMs: number;
  /** The runtime's CRI socket; the first of the usual ones when absent. */
  readonly runtimeSocket?: string;
}

/** The agent's own configuration, `/etc/lanyard/config.yaml`. */
export interface AgentConfig {
  /** Before the `/` of every resource whose pool names no prefix of its own. */
  readonly resourcePrefix: string;
  /**
   * The same for resources of a device plugin's configuration: the prefix that the file writes, else the one the device
   * plugin has without being told any.
   */
  readonly devicePluginPrefix: string;
  readonly pools: readonly PoolConfig[];
  /** What every pool starts with, those of a device plugin's configuration included. */
  readonly health: HealthPolicy;
  readonly metrics: { readonly address: ListenAddress };
  /** Whether devices are also described to the container runtime, and where (Container Device Interface). */
  readonly cdi: { readonly enabled: boolean; readonly directory: string };
  /** Where device-info files are written; where the field's CNI plugins look for them, when absent. */
  readonly deviceInfo: { readonly directory?: string };
  /** `pluginsRegistry`: register through this folder and not at kubelet.sock. */
  readonly kubelet: { readonly pluginsRegistry?: string };
  readonly cni: CniConfig;
  /** `nodeLabels`: labels of this node, for the selectors of policies. */
  readonly provisioning: { readonly nodeLabels?: Readonly<Record<string, string>> };
  /** Why pools were left out. */
  readonly problems: readonly InvalidValueError[];
}

const directory = parsedBy(parseDirectory);
const seconds = (least: number, usual: number) =>
  wholeNumber(least, 3600)
    .default(usual)
    .transform((value) => value * 1000);

const cni = fields({
  enabled: yesOrNo().default(false),
  binDirectory: directory.default("/opt/cni/bin"),
  confDirectory: directory.default("/etc/cni/net.d"),
  pluginDirectories: listOf(directory).default([]),
  chained: yesOrNo().default(true),
  clusterNetwork: parsedBy(parseFileName).optional(),
  waitSeconds: seconds(0, 30),
  graceSeconds: seconds(0, 120),
  defaultNetworks: listOf(parsedBy(parseNetworkName)).default([]),
  namespaceIsolation: yesOrNo().default(false),
  globalNamespaces: listOf(namespaceName()).default(["default"]),
  systemNamespaces: listOf(namespaceName()).default(["kube-system"]),
  multusSocket: yesOrNo().default(false),
  multusDirectory: directory.default("/run/multus"),
  programTimeoutSeconds: seconds(1, 60),
  collectIntervalSeconds: seconds(1, 60),
  runtimeSocket: directory.optional(),
}).transform(
  ({ waitSeconds, graceSeconds, programTimeoutSeconds, collectIntervalSeconds, ...rest }): CniConfig => ({
    ...rest,
    waitMs: waitSeconds,
    graceMs: graceSeconds,
    programTimeoutMs: programTimeoutSeconds,
    collectIntervalMs: collectIntervalSeconds,
  }),
);

const schema = fields({
  resourcePrefix: parsedBy(parseResourcePrefix).optional(),
  pools: listOf(z.unknown()).default([]),
  health: healthChanges.optional(),
  metrics: fields({
    address: parsedBy(parseListenAddress).default({ kind: "tcp", port: 9808 }),
  }).prefault({}),
  cdi: fields({ enabled: yesOrNo().default(false), directory: directory.default("/var/run/cdi") }).prefault(
    {},
  ),
  deviceInfo: fields({ directory: directory.optional() }).default({}),
  kubelet: fields({ pluginsRegistry: directory.optional() }).default({}),
  cni: cni.prefault({}),
  provisioning: fields({ nodeLabels: textMap().optional() }).default({}),
});

/**
 * Reads the agent's configuration; a file that says nothing means the defaults. A pool with a mistake is left out and
 * told in `problems`. Throws InvalidObjectError for mistakes outside of pools.
 */
export function parseAgentConfig(document: unknown, place: string): AgentConfig {
  const {
    resourcePrefix: written,
    pools: list,
    health: changes,
    ...rest
  } = validate(schema, document ?? {}, place);
  const resourcePrefix = written ?? "lanyard.dev";
  const health = changeHealth(DEFAULT_HEALTH_POLICY, changes);
  return {
    resourcePrefix,
    devicePluginPrefix: written ?? DEVICE_PLUGIN_PREFIX,
    health,
    ...rest,
    ...parsePools(list, `${place} pools`, { prefix: resourcePrefix, health }),
  };
}

/** Reads `:9808`, `127.0.0.1:9808`, `[::1]:9808` or `unix:/run/metrics.sock`. Throws InvalidValueError. */
export function parseListenAddress(value: unknown, place: string): ListenAddress {
  const expected = "an address such as :9808, 127.0.0.1:9808, [::1]:9808 or unix:/run/lanyard/metrics.sock";
  if (typeof value !== "string") throw new InvalidValueError(place, value, expected);
  const path = /^unix:(\/.+)$/.exec(value)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(value);
  const [, v6, name, port] = match ?? [];
  const isUsable = match !== null && Number(port) <= 65_535 && (v6 === undefined || isIP(v6) === 6);
  if (!isUsable) throw new InvalidValueError(place, value, expected);
  const host = v6 ?? name;
  return { kind: "tcp", ...(host !== undefined && host !== "" && { host }), port: Number(port) };
}

/** Reads `NAME` or `NAMESPACE/NAME`. Throws InvalidValueError. */
function parseNetworkName(value: unknown, place: string): string {
  const parts = typeof value === "string" ? value.split("/") : [];
  if (parts.length >= 1 && parts.length <= 2 && parts.every(isSubdomain)) return value as string;
  throw new InvalidValueError(place, value, "a network's name such as fast or storage/fast");
}

function parseFileName(value: unknown, place: string): string {
  if (typeof value === "string" && /^[^/]+\.(conf|conflist|json)$/.test(value)) return value;
  throw new InvalidValueError(place, value, "the name of a file such as 10-bridge.conflist");
}

function parseDirectory(value: unknown, place: string): string {
  if (typeof value === "string" && value.startsWith("/")) return value;
  throw new InvalidValueError(place, value, "the whole path of a folder, beginning with /");
}
