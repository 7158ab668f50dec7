import type { BandwidthShare, Device, Pool } from "../model/device.ts";
import type { BandwidthPoolConfig } from "../model/pool-config.ts";
import { formatRate } from "../model/quantity.ts";
import { type Forming, resourceOf } from "./forming.ts";
import { judge, type Trouble, troublesOfUplink } from "./health.ts";
import type { NodeLink } from "./link.ts";

/** More devices than this in one pool would only burden the kubelet. */
const MOST_SHARES = 10_000;

/** A pool of equal parts of an uplink's bandwidth. */
export function formBandwidthPool(config: BandwidthPoolConfig, forming: Forming): Pool {
  const resource = resourceOf(config);
  const uplink = forming.links.get(config.uplink);
  const numaNode = uplink?.numaNode;
  const health = judge(troublesOf(config.uplink, uplink), config.health);
  const describe = (id: string): BandwidthShare => ({
    kind: "bandwidthShare",
    id,
    link: config.uplink,
    rate: config.share,
    ...(numaNode !== undefined && { numaNode }),
    topology: numaNode === undefined ? [] : [numaNode],
    access: {
      nodes: [],
      mounts: [],
      info: { kind: "bandwidthShare", link: config.uplink, rate: config.share },
    },
    health,
  });
  const count = countShares(config, resource, uplink, forming);
  const devices = new Map<string, Device>();
  for (let number = 1; number <= count; number++) {
    const id = `${config.uplink}-${number}`;
    devices.set(id, describe(id));
  }
  for (const id of forming.usesOf(resource)) {
    if (devices.has(id)) continue;
    const before = forming.previousDevice(resource, id);
    // The pool may have been for another uplink when the share was given away.
    devices.set(id, before !== undefined && before.link !== config.uplink ? before : describe(id));
  }
  return { resource, kind: config.kind, allocation: config.allocation, devices: [...devices.values()] };
}

function countShares(
  config: BandwidthPoolConfig,
  resource: string,
  uplink: NodeLink | undefined,
  forming: Forming,
): number {
  const total = config.total ?? uplink?.speed ?? lastTotal(config, resource, forming);
  if (total === undefined) {
    const why = uplink === undefined ? "there is no such link" : "the kernel knows no speed of it";
    forming.note(`${resource} offers nothing of ${config.uplink}: ${why}, and the pool names no total`);
    return 0;
  }
  if (uplink?.speed !== undefined && total > uplink.speed) {
    const promised = `its total of ${formatRate(total)}`;
    forming.note(
      `${resource} promises more than ${config.uplink} has: ${promised} is above ${formatRate(uplink.speed)}`,
    );
  }
  const fitting = Math.floor(total / config.share);
  if (fitting === 0) {
    const share = formatRate(config.share);
    forming.note(
      `${resource} offers nothing: a share of ${share} is above the total of ${formatRate(total)}`,
    );
  }
  if (fitting > MOST_SHARES) {
    forming.note(`${resource} offers ${MOST_SHARES} of ${fitting} shares: make the share larger`);
  }
  return Math.min(fitting, MOST_SHARES);
}

/** What was offered last: the kernel knows no speed of a link that is down, and its shares are no fewer for that. */
function lastTotal(config: BandwidthPoolConfig, resource: string, forming: Forming): number | undefined {
  const pool = forming.remembered.previous.find((each) => each.resource === resource);
  const rates = (pool?.devices ?? []).flatMap((device) =>
    device.kind === "bandwidthShare" && device.link === config.uplink ? [device.rate] : [],
  );
  return rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate);
}

function troublesOf(name: string, uplink: NodeLink | undefined): Trouble[] {
  if (uplink === undefined) return [{ condition: "present", reason: `the node has no link ${name}` }];
  return troublesOfUplink(uplink);
}
