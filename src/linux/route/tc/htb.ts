import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { positiveNumber, wholeNumber } from "../../whole-number.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";
import { burstToTicks, RATESPEC_SIZE, rate64, readRate, ticksToBurst, writeRateSpec } from "./ratespec.ts";

/** Attributes of HTB (include/uapi/linux/pkt_sched.h; net/sched/sch_htb.c). */
const TCA_HTB_PARMS = 1;
const TCA_HTB_INIT = 2;
const TCA_HTB_DIRECT_QLEN = 5;
const TCA_HTB_RATE64 = 6;
const TCA_HTB_CEIL64 = 7;
const TCA_HTB_OFFLOAD = 9;

/** struct tc_htb_glob: version, rate2quantum, defcls, debug, direct_pkts. */
const GLOB_SIZE = 20;
const HTB_VERSION = 3;
/** rate2quantum's default in iproute2 too; a class that names its quantum does not need it. */
const RATE_TO_QUANTUM = 10;
const MOST_PRIO = 7;

/** struct tc_htb_opt: rate, ceil, buffer, cbuffer, quantum, level, prio. */
const OPT_SIZE = 2 * RATESPEC_SIZE + 20;

/** A hierarchical token bucket: a tree of classes that lend each other what they do not use. */
export interface HtbQdisc {
  readonly kind: "htb";
  /** Minor number of the class for packets no filter sorts; 0 lets them pass unshaped. */
  readonly default: number;
  /** Packets held for the unshaped way, in packets. The link's transmit queue length when absent. */
  readonly directQueueLength?: number;
  /** What the rate in bytes per second is divided by for a class that names no quantum; 10 when absent. */
  readonly rateToQuantum?: number;
  /** The card does the shaping: refused where it cannot, or where `hw-tc-offload` is off. */
  readonly isOffloaded?: boolean;
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
    const ratio = wholeNumber("rateToQuantum of qdisc htb", options.rateToQuantum ?? RATE_TO_QUANTUM, 1);
    view.setUint32(0, HTB_VERSION, true);
    view.setUint32(4, ratio, true);
    view.setUint32(8, wholeNumber("default of qdisc htb", options.default, 0, 0xffff), true);
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_HTB_INIT, glob);
    if (options.directQueueLength !== undefined) {
      const length = wholeNumber("directQueueLength of qdisc htb", options.directQueueLength);
      attributes.u32(TCA_HTB_DIRECT_QLEN, length);
    }
    if (options.isOffloaded === true) attributes.flag(TCA_HTB_OFFLOAD);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_HTB_INIT), GLOB_SIZE);
    if (view === undefined) return undefined;
    const ratio = view.getUint32(4, true);
    return withoutAbsent<HtbQdisc>({
      kind: "htb",
      default: view.getUint32(8, true),
      directQueueLength: attributes.u32(TCA_HTB_DIRECT_QLEN),
      rateToQuantum: ratio === RATE_TO_QUANTUM ? undefined : ratio,
      isOffloaded: attributes.has(TCA_HTB_OFFLOAD) ? true : undefined,
    });
  },
};

export const htbClass: KindCodec<HtbClass> = {
  encode(options) {
    const opt = new Uint8Array(OPT_SIZE);
    const view = new DataView(opt.buffer);
    const rate = positiveNumber("rate of class htb", options.rate);
    const ceil = positiveNumber("ceil of class htb", options.ceil);
    const burst = wholeNumber("burst of class htb", options.burst);
    const cburst = wholeNumber("cburst of class htb", options.cburst);
    writeRateSpec(view, 0, rate);
    writeRateSpec(view, RATESPEC_SIZE, ceil);
    view.setUint32(24, burstToTicks(burst, rate), true);
    view.setUint32(28, burstToTicks(cburst, ceil), true);
    view.setUint32(32, wholeNumber("quantum of class htb", options.quantum), true);
    view.setUint32(40, wholeNumber("prio of class htb", options.prio, 0, MOST_PRIO), true);
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_HTB_PARMS, opt);
    const wideRate = rate64(rate);
    const wideCeil = rate64(ceil);
    if (wideRate !== undefined) attributes.u64(TCA_HTB_RATE64, wideRate);
    if (wideCeil !== undefined) attributes.u64(TCA_HTB_CEIL64, wideCeil);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_HTB_PARMS), OPT_SIZE);
    if (view === undefined) return undefined;
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
