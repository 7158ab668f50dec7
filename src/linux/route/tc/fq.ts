import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { MAX_UINT32, wholeNumber } from "../../whole-number.ts";
import { yesOrNo } from "../fields.ts";
import { numberOfWord } from "../names.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";
import { toBytesPerSecond } from "./ratespec.ts";

/** Attributes of FQ (include/uapi/linux/pkt_sched.h; net/sched/sch_fq.c). */
const TCA_FQ_PLIMIT = 1;
const TCA_FQ_FLOW_PLIMIT = 2;
const TCA_FQ_QUANTUM = 3;
const TCA_FQ_INITIAL_QUANTUM = 4;
const TCA_FQ_RATE_ENABLE = 5;
const TCA_FQ_FLOW_MAX_RATE = 7;
const TCA_FQ_BUCKETS_LOG = 8;
const TCA_FQ_FLOW_REFILL_DELAY = 9;
const TCA_FQ_ORPHAN_MASK = 10;
const TCA_FQ_LOW_RATE_THRESHOLD = 11;
const TCA_FQ_CE_THRESHOLD = 12;
const TCA_FQ_TIMER_SLACK = 13;
const TCA_FQ_HORIZON = 14;
const TCA_FQ_HORIZON_DROP = 15;
/** Linux 6.7 and newer. */
const TCA_FQ_PRIOMAP = 16;
const TCA_FQ_WEIGHTS = 17;

const FQ_BANDS = 3;
const FQ_MIN_WEIGHT = 16_384;
const MOST_WEIGHT = 0x7fffffff;
/** struct tc_prio_qopt: the number of bands, then the band of each priority of packets. */
const PRIOMAP_SIZE = 20;
const PRIORITIES = 16;
const MOST_BUCKETS_LOG = 18;
const BEYOND_HORIZON = { cap: 0, drop: 1 } as const;

/**
 * Keeps a queue for every flow and sends each packet at the time its socket or a BPF program put on it: the qdisc
 * that paces. What is absent the kernel chooses when it makes the qdisc, and leaves alone when it changes it.
 */
export interface FqQdisc {
  readonly kind: "fq";
  /** Packets that may wait in all queues together. */
  readonly limit?: number;
  /** Packets of one flow that may wait. */
  readonly flowLimit?: number;
  /** Bytes a flow sends before the next has its turn. */
  readonly quantum?: number;
  /** Bytes a new flow sends in its first turn. */
  readonly initialQuantum?: number;
  /** Sends packets at the time that was put on them, instead of at once. */
  readonly isPacing?: boolean;
  /** Bits per second that no flow exceeds; at most 34.36 Gbit/s, which is as far as the kernel's field goes. */
  readonly maxRate?: number | "none";
  /** Lists the flows are spread over: a power of two from 2 to 262144. */
  readonly buckets?: number;
  /** Idle time after which a flow has its initial quantum again, in microseconds; rounded up to the kernel's ticks. */
  readonly refillDelay?: number;
  /** Packets without a socket share queues: the bits of their hash that tell them apart. */
  readonly orphanMask?: number;
  /** Bits per second below which a packet is delayed on its own instead of in bursts; 0 for no rate. */
  readonly lowRateThreshold?: number;
  /** Delay above which packets that can be marked are marked, in microseconds. */
  readonly ceThreshold?: number | "none";
  /** How much later than planned packets may leave, so that timers can be joined, in nanoseconds. */
  readonly timerSlack?: number;
  /** How far in the future a packet's time may lie, in microseconds. */
  readonly horizon?: number;
  /** What becomes of a packet whose time lies behind the horizon: it is dropped, or leaves at the horizon. */
  readonly beyondHorizon?: "drop" | "cap";
  /** Band of each of the 16 priorities of packets: 0, 1 or 2. Linux 6.7; older kernels ignore it. */
  readonly priorityBands?: readonly number[];
  /** Share of each of the three bands, from 16384. Linux 6.7; older kernels ignore it. */
  readonly bandWeights?: readonly number[];
}

export const fq: KindCodec<FqQdisc> = {
  encode(options) {
    const attributes = new AttributeWriter();
    const put = (type: number, name: string, value: number | undefined) => {
      if (value !== undefined) attributes.u32(type, wholeNumber(`${name} of qdisc fq`, value));
    };
    put(TCA_FQ_PLIMIT, "limit", options.limit);
    put(TCA_FQ_FLOW_PLIMIT, "flowLimit", options.flowLimit);
    put(TCA_FQ_QUANTUM, "quantum", options.quantum);
    put(TCA_FQ_INITIAL_QUANTUM, "initialQuantum", options.initialQuantum);
    if (options.isPacing !== undefined)
      attributes.u32(TCA_FQ_RATE_ENABLE, yesOrNo("isPacing of qdisc fq", options.isPacing));
    if (options.maxRate !== undefined) attributes.u32(TCA_FQ_FLOW_MAX_RATE, encodeMaxRate(options.maxRate));
    if (options.buckets !== undefined) attributes.u32(TCA_FQ_BUCKETS_LOG, logOfBuckets(options.buckets));
    put(TCA_FQ_FLOW_REFILL_DELAY, "refillDelay", options.refillDelay);
    put(TCA_FQ_ORPHAN_MASK, "orphanMask", options.orphanMask);
    if (options.lowRateThreshold !== undefined) {
      const threshold = inBytes("lowRateThreshold", options.lowRateThreshold, 0, MAX_UINT32);
      attributes.u32(TCA_FQ_LOW_RATE_THRESHOLD, threshold);
    }
    put(TCA_FQ_CE_THRESHOLD, "ceThreshold", noneAsMost(options.ceThreshold));
    put(TCA_FQ_TIMER_SLACK, "timerSlack", options.timerSlack);
    put(TCA_FQ_HORIZON, "horizon", options.horizon);
    if (options.beyondHorizon !== undefined) {
      const isDropping = numberOfWord("beyondHorizon of qdisc fq", BEYOND_HORIZON, options.beyondHorizon);
      attributes.u8(TCA_FQ_HORIZON_DROP, isDropping);
    }
    if (options.priorityBands !== undefined)
      attributes.bytes(TCA_FQ_PRIOMAP, encodePriorityBands(options.priorityBands));
    if (options.bandWeights !== undefined)
      attributes.bytes(TCA_FQ_WEIGHTS, encodeWeights(options.bandWeights));
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const limit = attributes.u32(TCA_FQ_PLIMIT);
    const bucketsLog = attributes.u32(TCA_FQ_BUCKETS_LOG);
    const isPacing = attributes.u32(TCA_FQ_RATE_ENABLE);
    const maxRate = mostAsNone(attributes.u32(TCA_FQ_FLOW_MAX_RATE));
    const lowRate = attributes.u32(TCA_FQ_LOW_RATE_THRESHOLD);
    const isDropping = attributes.u8(TCA_FQ_HORIZON_DROP);
    return withoutAbsent<FqQdisc>({
      kind: "fq",
      limit,
      flowLimit: attributes.u32(TCA_FQ_FLOW_PLIMIT),
      quantum: attributes.u32(TCA_FQ_QUANTUM),
      initialQuantum: attributes.u32(TCA_FQ_INITIAL_QUANTUM),
      isPacing: isPacing === undefined ? undefined : isPacing !== 0,
      maxRate: typeof maxRate === "number" ? maxRate * 8 : maxRate,
      buckets: bucketsLog === undefined ? undefined : 2 ** (bucketsLog & 31),
      refillDelay: attributes.u32(TCA_FQ_FLOW_REFILL_DELAY),
      orphanMask: attributes.u32(TCA_FQ_ORPHAN_MASK),
      lowRateThreshold: lowRate === undefined ? undefined : lowRate * 8,
      ceThreshold: mostAsNone(attributes.u32(TCA_FQ_CE_THRESHOLD)),
      timerSlack: attributes.u32(TCA_FQ_TIMER_SLACK),
      horizon: attributes.u32(TCA_FQ_HORIZON),
      beyondHorizon: isDropping === undefined ? undefined : isDropping === 0 ? "cap" : "drop",
      priorityBands: decodePriorityBands(attributes.bytes(TCA_FQ_PRIOMAP)),
      bandWeights: decodeWeights(attributes.bytes(TCA_FQ_WEIGHTS)),
    });
  },
};

/** The field's largest number is none. */
function encodeMaxRate(rate: number | "none"): number {
  return rate === "none" ? MAX_UINT32 : inBytes("maxRate", rate, 1, MAX_UINT32 - 1);
}

/** Bytes per second of a rate in bits per second that fits. `least` is in bits, `most` in bytes. */
function inBytes(name: string, rate: number, least: number, most: number): number {
  const bytes = rate === 0 ? 0 : toBytesPerSecond(rate);
  if (rate >= least && bytes <= most) return bytes;
  throw new InvalidValueError(`${name} of qdisc fq`, rate, `bits per second from ${least} to ${most * 8}`);
}

/** The kernel's "no limit" is the largest number the field holds. */
function noneAsMost(value: number | "none" | undefined): number | undefined {
  return value === "none" ? MAX_UINT32 : value;
}

function mostAsNone(value: number | undefined): number | "none" | undefined {
  return value === MAX_UINT32 ? "none" : value;
}

function logOfBuckets(buckets: number): number {
  const log = Math.log2(buckets);
  if (Number.isInteger(log) && log >= 1 && log <= MOST_BUCKETS_LOG) return log;
  throw new InvalidValueError("buckets of qdisc fq", buckets, "a power of two from 2 to 262144");
}

function encodePriorityBands(bands: readonly number[]): Uint8Array {
  if (bands.length !== PRIORITIES)
    throw new InvalidValueError("priorityBands of qdisc fq", bands, "16 bands, one for each priority");
  const bytes = new Uint8Array(PRIOMAP_SIZE);
  new DataView(bytes.buffer).setInt32(0, FQ_BANDS, true);
  for (const [priority, band] of bands.entries())
    bytes[4 + priority] = wholeNumber("priorityBands of qdisc fq", band, 0, FQ_BANDS - 1);
  return bytes;
}

function decodePriorityBands(bytes: Uint8Array | undefined): readonly number[] | undefined {
  return bytes === undefined || bytes.length < PRIOMAP_SIZE
    ? undefined
    : [...bytes.subarray(4, PRIOMAP_SIZE)];
}

function encodeWeights(weights: readonly number[]): Uint8Array {
  if (weights.length !== FQ_BANDS)
    throw new InvalidValueError("bandWeights of qdisc fq", weights, "three weights");
  const bytes = new Uint8Array(4 * FQ_BANDS);
  const view = new DataView(bytes.buffer);
  for (const [band, weight] of weights.entries())
    view.setInt32(4 * band, wholeNumber("bandWeights of qdisc fq", weight, FQ_MIN_WEIGHT, MOST_WEIGHT), true);
  return bytes;
}

function decodeWeights(bytes: Uint8Array | undefined): readonly number[] | undefined {
  if (bytes === undefined || bytes.length < 4 * FQ_BANDS) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: FQ_BANDS }, (_, band) => view.getInt32(4 * band, true));
}
