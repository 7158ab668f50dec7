import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import type { KindCodec } from "./kind.ts";
import { burstToTicks, RATESPEC_SIZE, rate64, readRate, ticksToBurst, writeRateSpec } from "./ratespec.ts";

/** Attributes of HTB (include/uapi/linux/pkt_sched.h; net/sched/sch_htb.c). */
const TCA_HTB_PARMS = 1;
const TCA_HTB_INIT = 2;
const TCA_HTB_DIRECT_QLEN = 5;
const TCA_HTB_RATE64 = 6;
const TCA_HTB_CEIL64 = 7;

/** struct tc_htb_glob: version, rate2quantum, defcls, debug, direct_pkts. */
const GLOB_SIZE = 20;
const HTB_VERSION = 3;
/** rate2quantum's default; every class here names its quantum, so it decides nothing. */
const RATE_TO_QUANTUM = 10;

/** struct tc_htb_opt: rate, ceil, buffer, cbuffer, quantum, level, prio. */
const OPT_SIZE = 2 * RATESPEC_SIZE + 20;

/** A hierarchical token bucket: a tree of classes that lend each other what they do not use. */
export interface HtbQdisc {
  readonly kind: "htb";
  /** Minor number of the class for packets no filter sorts; 0 lets them pass unshaped. */
  readonly default: number;
  /** Packets held for the unshaped way, in packets. The link's transmit queue length when absent. */
  readonly directQueueLength?: number;
}

/** A class of HTB. */
export interface HtbClass {
  readonly kind: "htb";
  /** Rate the class always gets, in bits per second. */
  readonly rate: number;
  /** Rate it reaches by borrowing, in bits per second. */
  readonly ceil: number;
  /** Bytes it may send at once above its rate. */
  readonly burst: number;
  /** Bytes it may send at once above its ceiling. */
  readonly cburst: number;
  /** 0 is served first with what others do not use; up to 7. */
  readonly prio: number;
  /** Bytes it sends before the next class of its priority has its turn; 1000 to 200000 (sch_htb.c warns else). */
  readonly quantum: number;
}

export const htbQdisc: KindCodec<HtbQdisc> = {
  encode(options) {
    const glob = new Uint8Array(GLOB_SIZE);
    const view = new DataView(glob.buffer);
    view.setUint32(0, HTB_VERSION, true);
    view.setUint32(4, RATE_TO_QUANTUM, true);
    view.setUint32(8, options.default, true);
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_HTB_INIT, glob);
    if (options.directQueueLength !== undefined)
      attributes.u32(TCA_HTB_DIRECT_QLEN, options.directQueueLength);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const glob = attributes.bytes(TCA_HTB_INIT);
    if (glob === undefined || glob.length < GLOB_SIZE) return undefined;
    const view = new DataView(glob.buffer, glob.byteOffset);
    const directQueueLength = attributes.u32(TCA_HTB_DIRECT_QLEN);
    return {
      kind: "htb",
      default: view.getUint32(8, true),
      ...(directQueueLength !== undefined && { directQueueLength }),
    };
  },
};

export const htbClass: KindCodec<HtbClass> = {
  encode(options) {
    const opt = new Uint8Array(OPT_SIZE);
    const view = new DataView(opt.buffer);
    writeRateSpec(view, 0, options.rate);
    writeRateSpec(view, RATESPEC_SIZE, options.ceil);
    view.setUint32(24, burstToTicks(options.burst, options.rate), true);
    view.setUint32(28, burstToTicks(options.cburst, options.ceil), true);
    view.setUint32(32, options.quantum, true);
    view.setUint32(40, options.prio, true);
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_HTB_PARMS, opt);
    const wideRate = rate64(options.rate);
    const wideCeil = rate64(options.ceil);
    if (wideRate !== undefined) attributes.u64(TCA_HTB_RATE64, wideRate);
    if (wideCeil !== undefined) attributes.u64(TCA_HTB_CEIL64, wideCeil);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const opt = attributes.bytes(TCA_HTB_PARMS);
    if (opt === undefined || opt.length < OPT_SIZE) return undefined;
    const view = new DataView(opt.buffer, opt.byteOffset);
    const rate = readRate(view, 0, attributes.u64(TCA_HTB_RATE64));
    const ceil = readRate(view, RATESPEC_SIZE, attributes.u64(TCA_HTB_CEIL64));
    return {
      kind: "htb",
      rate,
      ceil,
      burst: ticksToBurst(view.getUint32(24, true), rate),
      cburst: ticksToBurst(view.getUint32(28, true), ceil),
      prio: view.getUint32(40, true),
      quantum: view.getUint32(32, true),
    };
  },
};
