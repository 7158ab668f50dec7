import { isIP } from "node:net";
import { z } from "zod";
import { InvalidValueError } from "./errors.ts";
import { DEFAULT_HEALTH_POLICY, type HealthPolicy } from "./health.ts";
import { changeHealth, healthChanges } from "./health-schema.ts";
import type { PoolConfig } from "./pool-config.ts";
import { parsePools, parseResourcePrefix } from "./pool-schema.ts";
import { fields, listOf, parsedBy, textMap, validate, yesOrNo } from "./validation.ts";

/** What the SR-IOV network device plugin puts before the `/` when it is told nothing (`-resource-prefix`). */
const DEVICE_PLUGIN_PREFIX = "intel.com";

/** Where something is served. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host?: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

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
  /** `nodeLabels`: labels of this node, for the selectors of policies. */
  readonly provisioning: { readonly nodeLabels?: Readonly<Record<string, string>> };
  /** Why pools were left out. */
  readonly problems: readonly InvalidValueError[];
}

const directory = parsedBy(parseDirectory);

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

function parseDirectory(value: unknown, place: string): string {
  if (typeof value === "string" && value.startsWith("/")) return value;
  throw new InvalidValueError(place, value, "the whole path of a folder, beginning with /");
}
