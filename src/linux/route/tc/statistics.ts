import type { AttributeReader } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";

/** Attributes inside TCA_STATS2 and TCA_ACT_STATS (include/uapi/linux/gen_stats.h). */
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
export const TCA_STATS_APP = 4;
const TCA_STATS_PKT64 = 8;

/** Counters of a qdisc, class or action since it was made. */
export interface TcStatistics {
  /**
   * Bytes let through, with the link-layer header (of every segment, where the card will segment a packet) and
   * without the frame check sequence. The `ingress` and `clsact` qdiscs count packets as they arrive at the
   * hook: without link-layer headers, merged ones once.
   */
  readonly bytes: number;
  /** Packets let through; a packet the card will segment counts with its segments. */
  readonly packets: number;
  readonly drops: number;
  /** How often a packet had to wait, or a policer's bucket was empty. */
  readonly overlimits: number;
  /** Bytes waiting now. */
  readonly backlogBytes: number;
  /** Packets waiting now. */
  readonly queueLength: number;
}

/** Statistics of an object that reports none. */
export const NO_STATISTICS: TcStatistics = {
  bytes: 0,
  packets: 0,
  drops: 0,
  overlimits: 0,
  backlogBytes: 0,
  queueLength: 0,
};

/**
 * Reads a TCA_STATS2 nest: struct gnet_stats_basic {u64 bytes, u32 packets}, struct gnet_stats_queue {qlen,
 * backlog, drops, requeues, overlimits}, and the 64-bit packet count newer kernels add. The software counters
 * hold hardware's share too; TCA_STATS_BASIC_HW only repeats that share.
 */
export function decodeStatistics2(nest: AttributeReader): TcStatistics {
  const basic = viewOf(nest.bytes(TCA_STATS_BASIC), 12);
  const queue = viewOf(nest.bytes(TCA_STATS_QUEUE), 20);
  return {
    bytes: basic === undefined ? 0 : Number(basic.getBigUint64(0, true)),
    packets: Number(nest.u64(TCA_STATS_PKT64) ?? basic?.getUint32(8, true) ?? 0),
    drops: queue?.getUint32(8, true) ?? 0,
    overlimits: queue?.getUint32(16, true) ?? 0,
    backlogBytes: queue?.getUint32(4, true) ?? 0,
    queueLength: queue?.getUint32(0, true) ?? 0,
  };
}

/** Reads the older TCA_STATS: struct tc_stats {u64 bytes, packets, drops, overlimits, bps, pps, qlen, backlog}. */
export function decodeStatistics(payload: Uint8Array): TcStatistics | undefined {
  const view = viewOf(payload, 36);
  if (view === undefined) return undefined;
  return {
    bytes: Number(view.getBigUint64(0, true)),
    packets: view.getUint32(8, true),
    drops: view.getUint32(12, true),
    overlimits: view.getUint32(16, true),
    backlogBytes: view.getUint32(32, true),
    queueLength: view.getUint32(28, true),
  };
}
