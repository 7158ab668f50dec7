import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import type { KindCodec } from "./kind.ts";
import { burstToTicks, RATESPEC_SIZE, rate64, readRate, ticksToBurst, writeRateSpec } from "./ratespec.ts";

/** Attributes of TBF (include/uapi/linux/pkt_sched.h; net/sched/sch_tbf.c). */
const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_BURST = 6;

/** struct tc_tbf_qopt: rate, peakrate, limit, buffer, mtu. */
const QOPT_SIZE = 2 * RATESPEC_SIZE + 12;

/** A token bucket. It segments a large packet itself when the packet does not fit into the bucket. */
export interface TbfQdisc {
  readonly kind: "tbf";
  /** Bits per second. */
  readonly rate: number;
  /** Bytes that may pass at once; at least one frame of the link. */
  readonly burst: number;
  /** Bytes that may wait. */
  readonly limit: number;
}

export const tbf: KindCodec<TbfQdisc> = {
  encode(options) {
    const qopt = new Uint8Array(QOPT_SIZE);
    const view = new DataView(qopt.buffer);
    writeRateSpec(view, 0, options.rate);
    view.setUint32(24, options.limit, true);
    view.setUint32(28, burstToTicks(options.burst, options.rate), true);
    const attributes = new AttributeWriter();
    attributes.bytes(TCA_TBF_PARMS, qopt);
    // The bucket's size as bytes: the ticks above would be rounded at high rates.
    attributes.u32(TCA_TBF_BURST, options.burst);
    const wideRate = rate64(options.rate);
    if (wideRate !== undefined) attributes.u64(TCA_TBF_RATE64, wideRate);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const qopt = attributes.bytes(TCA_TBF_PARMS);
    if (qopt === undefined || qopt.length < QOPT_SIZE) return undefined;
    const view = new DataView(qopt.buffer, qopt.byteOffset);
    const rate = readRate(view, 0, attributes.u64(TCA_TBF_RATE64));
    return {
      kind: "tbf",
      rate,
      // The kernel reports ticks only; TCA_TBF_BURST is there in a request that is read back.
      burst: attributes.u32(TCA_TBF_BURST) ?? ticksToBurst(view.getUint32(28, true), rate),
      limit: view.getUint32(24, true),
    };
  },
};
