import { viewOf } from "../../netlink/view.ts";

/*
 * What some kinds count besides the counters all have: TCA_STATS_APP (include/uapi/linux/gen_stats.h), a structure of
 * the kind's own in include/uapi/linux/pkt_sched.h.
 */

/** A class of HTB. */
export interface HtbClassStatistics {
  readonly kind: "htb";
  /** Packets sent within the class' own rate, or lent to a class below it. */
  readonly lends: number;
  /** Packets sent with what a class above it lent. */
  readonly borrows: number;
  /** Packets larger than the kernel calculates with; 0 since it counts large packets by their segments. */
  readonly giants: number;
  /** Filling of the bucket of the rate, in ticks of 64 ns; below 0 the class waits or borrows. */
  readonly tokens: number;
  /** The same for the ceiling. */
  readonly ceilTokens: number;
}

/** FQ. Counters of newer kernels are absent where the kernel is older. */
export interface FqStatistics {
  readonly kind: "fq";
  /** Flows it knows now. */
  readonly flows: number;
  /** Those of them with nothing to send. */
  readonly inactiveFlows: number;
  /** Those of them that wait for their packet's time. */
  readonly throttledFlows: number;
  /** How often a flow had to wait for its packet's time. */
  readonly throttled: number;
  /** Packets dropped because their flow held too many. */
  readonly flowLimitDrops: number;
  /** Packets marked because they waited too long. */
  readonly ceMarks?: number;
  /** Packets dropped because their time lay behind the horizon. */
  readonly horizonDrops?: number;
  /** Packets whose time was brought forward to the horizon. */
  readonly horizonCaps?: number;
  /** Packets that went out without being queued. */
  readonly fastPathPackets?: number;
  /** Packets dropped in each band, and waiting in it. */
  readonly bands?: readonly { readonly drops: number; readonly packets: number }[];
}

/** FQ-CoDel. */
export interface FqCodelStatistics {
  readonly kind: "fq_codel";
  /** Bytes of the largest packet seen. */
  readonly largestPacket: number;
  /** Packets dropped because the queue was full. */
  readonly limitDrops: number;
  /** Packets dropped because they took too much memory. */
  readonly memoryDrops: number;
  /** Packets marked instead of dropped. */
  readonly ecnMarks: number;
  /** Packets marked because they waited longer than the threshold. */
  readonly ceMarks: number;
  /** How often a packet began a new flow. */
  readonly newFlows: number;
  /** Flows that have packets now. */
  readonly activeFlows: number;
  /** Bytes of memory in use. */
  readonly memory: number;
}

/** struct tc_htb_xstats: lends, borrows, giants, tokens, ctokens. */
const HTB_XSTATS_SIZE = 20;
/** struct tc_fq_qd_stats as it was at first, and with what came later. */
const FQ_STATS_SIZE = 80;
const FQ_STATS_SIZE_HORIZON = 104;
const FQ_STATS_SIZE_FASTPATH = 112;
const FQ_STATS_SIZE_BANDS = 148;
const FQ_BANDS = [0, 1, 2];
/** struct tc_fq_codel_xstats: which of two structures, and the one of the qdisc. */
const FQ_CODEL_XSTATS_SIZE = 40;
const TCA_FQ_CODEL_XSTATS_QDISC = 0;

/** Reads struct tc_htb_xstats; undefined when the bytes are too short for one. */
export function decodeHtbClassStatistics(bytes: Uint8Array): HtbClassStatistics | undefined {
  const view = viewOf(bytes, HTB_XSTATS_SIZE);
  if (view === undefined) return undefined;
  return {
    kind: "htb",
    lends: view.getUint32(0, true),
    borrows: view.getUint32(4, true),
    giants: view.getUint32(8, true),
    tokens: view.getInt32(12, true),
    ceilTokens: view.getInt32(16, true),
  };
}

/** Reads struct tc_fq_qd_stats; undefined when the bytes are too short for one. */
export function decodeFqStatistics(bytes: Uint8Array): FqStatistics | undefined {
  const view = viewOf(bytes, FQ_STATS_SIZE);
  if (view === undefined) return undefined;
  const count = (at: number) => Number(view.getBigUint64(at, true));
  return {
    kind: "fq",
    flows: view.getUint32(64, true),
    inactiveFlows: view.getUint32(68, true),
    throttledFlows: view.getUint32(72, true),
    throttled: count(24),
    flowLimitDrops: count(32),
    ...(bytes.length >= FQ_STATS_SIZE_HORIZON && {
      ceMarks: count(80),
      horizonDrops: count(88),
      horizonCaps: count(96),
    }),
    ...(bytes.length >= FQ_STATS_SIZE_FASTPATH && { fastPathPackets: count(104) }),
    ...(bytes.length >= FQ_STATS_SIZE_BANDS && {
      bands: FQ_BANDS.map((band) => ({
        drops: count(112 + 8 * band),
        packets: view.getUint32(136 + 4 * band, true),
      })),
    }),
  };
}

/** Reads struct tc_fq_codel_xstats of the qdisc itself; undefined for anything else. */
export function decodeFqCodelStatistics(bytes: Uint8Array): FqCodelStatistics | undefined {
  const view = viewOf(bytes, FQ_CODEL_XSTATS_SIZE);
  if (view === undefined || view.getUint32(0, true) !== TCA_FQ_CODEL_XSTATS_QDISC) return undefined;
  const number = (field: number) => view.getUint32(4 + 4 * field, true);
  return {
    kind: "fq_codel",
    largestPacket: number(0),
    limitDrops: number(1),
    ecnMarks: number(2),
    newFlows: number(3),
    activeFlows: number(4) + number(5),
    ceMarks: number(6),
    memory: number(7),
    memoryDrops: number(8),
  };
}
