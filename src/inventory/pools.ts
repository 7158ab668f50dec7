import type { AgentConfig, BandwidthPoolConfig, HostDevicePoolConfig } from "../model/agent-config.ts";
import type { BandwidthShare, DeviceHealth, HostDevice, Pool } from "../model/device.ts";
import { formatRate } from "../model/quantity.ts";
import type { NodeLink } from "./link.ts";
import { compilePattern, selectLinks } from "./selectors.ts";

/** More devices than this in one pool would only burden the kubelet. */
const MOST_SHARES = 10_000;

/** What the configuration and the node's links make together. */
export interface FormedPools {
  /** One per configured pool, in the configuration's order; a pool may be empty. */
  readonly pools: readonly Pool[];
  /** What was left out and why, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Which devices the node offers. `held` are links that are inside a pod now, by name, as they were last
 * known: they stay in their pool, or the kubelet would take an allocated device for lost.
 */
export function formPools(
  config: Pick<AgentConfig, "resourcePrefix" | "pools">,
  links: readonly NodeLink[],
  held: ReadonlyMap<string, NodeLink> = new Map(),
): FormedPools {
  const notes: string[] = [];
  const known = new Map([...held.values(), ...links].map((link) => [link.name, link]));
  const uplinks = new Map<string, string>();
  for (const pool of config.pools) {
    if (pool.kind === "bandwidthShare") uplinks.set(pool.uplink, pool.name);
  }
  const takenBy = new Map<string, string>();

  const pools = config.pools.map((pool): Pool => {
    const resource = `${config.resourcePrefix}/${pool.name}`;
    if (pool.kind === "bandwidthShare") {
      const devices = formShares(pool, resource, known.get(pool.uplink), notes);
      return { resource, kind: pool.kind, devices };
    }
    const devices = selectLinks(pool.links, known.values()).flatMap((link): HostDevice[] => {
      const isHeld = held.has(link.name);
      const objection = refuseHostDevice(link, isHeld, takenBy.get(link.name), uplinks.get(link.name));
      if (objection !== undefined) {
        notes.push(`${link.name} is not offered as ${resource}: ${objection}`);
        return [];
      }
      takenBy.set(link.name, pool.name);
      return [describeHostDevice(link)];
    });
    notes.push(...describeUnmatched(pool, resource, known.values()));
    return { resource, kind: pool.kind, devices };
  });
  return { pools, notes };
}

/** Why a link can not be given away whole, or undefined when it can. */
function refuseHostDevice(
  link: NodeLink,
  isHeld: boolean,
  otherPool: string | undefined,
  bandwidthPool: string | undefined,
): string | undefined {
  if (otherPool !== undefined) return `it is in the pool ${otherPool} already`;
  if (isHeld) return undefined;
  if (link.isLoopback) return "it is the loopback link";
  if (link.hasDefaultRoute) return "it carries the node's default route";
  if (link.master !== undefined) return "it is a port of another link (a bridge, bond or team)";
  if (bandwidthPool !== undefined) return `it is the uplink of the pool ${bandwidthPool}`;
  return undefined;
}

function describeHostDevice(link: NodeLink): HostDevice {
  return {
    kind: "hostDevice",
    id: link.name,
    link: link.name,
    ...(link.numaNode !== undefined && { numaNode: link.numaNode }),
    health: judgeHostDevice(link),
  };
}

/** A link that is down is a spare one waiting for its pod: only a link that is up can miss its carrier. */
function judgeHostDevice(link: NodeLink): DeviceHealth {
  if (!link.isUp || link.hasCarrier) return { isHealthy: true };
  return { isHealthy: false, reason: `${link.name} is up but has no carrier` };
}

function formShares(
  pool: BandwidthPoolConfig,
  resource: string,
  uplink: NodeLink | undefined,
  notes: string[],
): BandwidthShare[] {
  const total = pool.total ?? uplink?.speed;
  if (total === undefined) {
    const why = uplink === undefined ? "there is no such link" : "the kernel knows no speed of it";
    notes.push(`${resource} offers nothing of ${pool.uplink}: ${why}, and the pool names no total`);
    return [];
  }
  if (uplink?.speed !== undefined && total > uplink.speed) {
    const promised = `its total of ${formatRate(total)}`;
    notes.push(
      `${resource} promises more than ${pool.uplink} has: ${promised} is above ${formatRate(uplink.speed)}`,
    );
  }
  const fitting = Math.floor(total / pool.share);
  if (fitting === 0) {
    const share = formatRate(pool.share);
    notes.push(`${resource} offers nothing: a share of ${share} is above the total of ${formatRate(total)}`);
  }
  if (fitting > MOST_SHARES) {
    notes.push(`${resource} offers ${MOST_SHARES} of ${fitting} shares: make the share larger`);
  }
  const health = judgeUplink(pool.uplink, uplink);
  return Array.from({ length: Math.min(fitting, MOST_SHARES) }, (_, index) => ({
    kind: "bandwidthShare",
    id: `${pool.uplink}-${index + 1}`,
    link: pool.uplink,
    rate: pool.share,
    ...(uplink?.numaNode !== undefined && { numaNode: uplink.numaNode }),
    health,
  }));
}

function judgeUplink(name: string, uplink: NodeLink | undefined): DeviceHealth {
  if (uplink === undefined) return { isHealthy: false, reason: `the node has no link ${name}` };
  if (!uplink.isUp) return { isHealthy: false, reason: `${name} is down` };
  if (!uplink.hasCarrier) return { isHealthy: false, reason: `${name} has no carrier` };
  return { isHealthy: true };
}

function describeUnmatched(
  pool: HostDevicePoolConfig,
  resource: string,
  links: Iterable<NodeLink>,
): string[] {
  const names = [...links].map(({ name }) => name);
  return pool.links
    .filter((pattern) => !names.some(compilePattern(pattern)))
    .map((pattern) => `${resource} finds no link for the pattern ${pattern}`);
}
