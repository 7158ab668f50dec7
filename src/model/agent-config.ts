import { isIP } from "node:net";
import { z } from "zod";
import { InvalidValueError } from "./errors.ts";
import { isQualifiedName, isSubdomain, parseLinkName } from "./names.ts";
import { parseRate } from "./quantity.ts";
import { fields, listOf, parsedBy, validate, variants } from "./validation.ts";

/** A pool of whole links, chosen by patterns of their names (`nic*`). */
export interface HostDevicePoolConfig {
  readonly kind: "hostDevice";
  /** Behind the prefix: `nics` is offered as `lanyard.dev/nics`. */
  readonly name: string;
  /** Shell patterns: `*`, `?` and `[abc]`. */
  readonly links: readonly string[];
}

/** A pool of equal parts of an uplink's bandwidth. Rates in bits per second. */
export interface BandwidthPoolConfig {
  readonly kind: "bandwidthShare";
  readonly name: string;
  /** The uplink's name. */
  readonly uplink: string;
  /** Size of one share. */
  readonly share: number;
  /** What all shares make together; the uplink's speed where absent. */
  readonly total?: number;
}

/** What a pool is made of. */
export type PoolConfig = HostDevicePoolConfig | BandwidthPoolConfig;

/** Where something is served. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host?: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** The agent's own configuration, `/etc/lanyard/config.yaml`. */
export interface AgentConfig {
  /** Before the `/` of every resource offered. */
  readonly resourcePrefix: string;
  readonly pools: readonly PoolConfig[];
  readonly metrics: { readonly address: ListenAddress };
}

const KINDS = ["hostDevice", "bandwidthShare"] as const;

const poolName = parsedBy((value, place) => {
  if (isQualifiedName(value)) return value;
  throw new InvalidValueError(place, value, "a pool's name without a prefix, such as nics");
});

const pool = variants("kind", KINDS, [
  fields({
    kind: z.literal("hostDevice"),
    name: poolName,
    links: listOf(parsedBy(parsePattern)).min(1, { error: "at least one pattern, such as nic*" }),
  }),
  fields({
    kind: z.literal("bandwidthShare"),
    name: poolName,
    uplink: parsedBy(parseLinkName),
    share: parsedBy(parseRate),
    total: parsedBy(parseRate).optional(),
  }).superRefine(({ share, total }, context) => {
    if (total !== undefined && share > total) {
      context.addIssue({ code: "custom", path: ["share"], message: "a rate not above the total" });
    }
  }),
]);

const pools = listOf(pool).superRefine((list, context) => {
  for (const [index, { name }] of list.entries()) {
    const first = list.findIndex((other) => other.name === name);
    if (first < index) {
      const message = `a name of its own: pools[${first}] has it already`;
      context.addIssue({ code: "custom", path: [index, "name"], message });
    }
  }
});

const schema = fields({
  resourcePrefix: parsedBy(parsePrefix).default("lanyard.dev"),
  pools: pools.default([]),
  metrics: fields({
    address: parsedBy(parseListenAddress).default({ kind: "tcp", port: 9808 }),
  }).default({ address: { kind: "tcp", port: 9808 } }),
});

/** Reads the agent's configuration; a file that says nothing means the defaults. Throws InvalidObjectError. */
export function parseAgentConfig(document: unknown, place: string): AgentConfig {
  return validate(schema, document ?? {}, place);
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

function parsePrefix(value: unknown, place: string): string {
  // IsExtendedResourceName, pkg/apis/core/v1/helper: kubernetes.io is for Kubernetes' own resources
  if (isSubdomain(value) && value.includes(".") && !/(^|\.)kubernetes\.io$/.test(value)) return value;
  throw new InvalidValueError(place, value, "a domain of your own, such as lanyard.dev");
}

function parsePattern(value: unknown, place: string): string {
  if (typeof value === "string" && /^[^/\s]+$/.test(value)) return value;
  throw new InvalidValueError(place, value, "a pattern of link names, such as nic* or eth[1-4]");
}
