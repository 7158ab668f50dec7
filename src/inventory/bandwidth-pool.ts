import type { BandwidthShare, Pool } from "../model/device.ts";
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
  const devices = Array.from(
    { length: countShares(config, resource, uplink, forming) },
    (_, index): BandwidthShare => ({
      kind: "bandwidthShare",
      id: `${config.uplink}-${index + 1}`,
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
    }),
  );
  return { resource, kind: config.kind, allocation: config.allocation, devices };
}

function countShares(
  config: BandwidthPoolConfig,
  resource: string,
  uplink: NodeLink | undefined,
  forming: Forming,
): number {
  const total = config.total ?? uplink?.speed;
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

function troublesOf(name: string, uplink: NodeLink | undefined): Trouble[] {
  if (uplink === undefined) return [{ condition: "present", reason: `the node has no link ${name}` }];
  return troublesOfUplink(uplink);
}
