import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import type { KindCodec } from "./kind.ts";
import { burstToTicks, rate64, readRate, ticksToBurst, writeRateSpec } from "./ratespec.ts";

/** Attributes of the action (include/uapi/linux/pkt_cls.h; net/sched/act_police.c). */
const TCA_POLICE_TBF = 1;
const TCA_POLICE_RATE = 2;
const TCA_POLICE_RATE64 = 8;
const TC_ACT_SHOT = 2;

/** struct tc_police: index, action, limit, burst, mtu, rate, peakrate, refcnt, bindcnt, capab. */
const POLICE_SIZE = 56;
const RATE_OFFSET = 20;
/** TC_RTAB_SIZE: 256 numbers of 32 bits. */
const RATE_TABLE_SIZE = 1024;

/** Drops what comes faster than a rate; nothing waits. */
export interface PoliceAction {
  readonly kind: "police";
  /** Bits per second. */
  readonly rate: number;
  /** Bytes that may pass at once. */
  readonly burst: number;
  /** Largest packet in bytes that is let through at all; received packets may be merged ones (GRO). */
  readonly mtu: number;
}

export const police: KindCodec<PoliceAction> = {
  encode(options) {
    const parms = new Uint8Array(POLICE_SIZE);
    const view = new DataView(parms.buffer);
    view.setInt32(4, TC_ACT_SHOT, true);
    view.setUint32(12, burstToTicks(options.burst, options.rate), true);
    view.setUint32(16, options.mtu, true);
    writeRateSpec(view, RATE_OFFSET, options.rate, cellLog(options.mtu));
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_POLICE_TBF, parms);
    // The kernel refuses a policer without its rate table (qdisc_get_rtab) and then never reads the table.
    attributes.bytes(TCA_POLICE_RATE, new Uint8Array(RATE_TABLE_SIZE));
    const wideRate = rate64(options.rate);
    if (wideRate !== undefined) attributes.u64(TCA_POLICE_RATE64, wideRate);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const parms = attributes.bytes(TCA_POLICE_TBF);
    if (parms === undefined || parms.length < POLICE_SIZE) return undefined;
    const view = new DataView(parms.buffer, parms.byteOffset);
    // Another verdict than "drop" is not this action.
    if (view.getInt32(4, true) !== TC_ACT_SHOT) return undefined;
    const rate = readRate(view, RATE_OFFSET, attributes.u64(TCA_POLICE_RATE64));
    const burst = ticksToBurst(view.getUint32(12, true), rate);
    return { kind: "police", rate, burst, mtu: view.getUint32(16, true) };
  },
};

/** The table's cell size as a power of two, so that its 256 cells reach the largest packet. */
function cellLog(mtu: number): number {
  let log = 0;
  while (mtu >> log > 255) log++;
  return Math.max(1, log);
}
