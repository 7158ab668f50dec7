import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { positiveNumber, wholeNumber } from "../../whole-number.ts";
import type { KindCodec } from "./kind.ts";
import { burstToTicks, RATESPEC_SIZE, rate64, readRate, ticksToBurst, writeRateSpec } from "./ratespec.ts";

/** Attributes of TBF (include/uapi/linux/pkt_sched.h; net/sched/sch_tbf.c). */
const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_PRATE64 = 5;
const TCA_TBF_BURST = 6;
const TCA_TBF_PBURST = 7;

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
  /** A second, faster bucket that keeps the burst itself to a rate. */
  readonly peak?: {
    /** Bits per second; above `rate`. */
    readonly rate: number;
    /** Bytes that may pass at once; at least one frame of the link, and as little above it as can be. */
    readonly burst: number;
  };
}

export const tbf: KindCodec<TbfQdisc> = {
  encode({ rate, burst, limit, peak }) {
    const qopt = new Uint8Array(QOPT_SIZE);
    const view = new DataView(qopt.buffer);
    const attributes = new AttributeWriter();
    writeRateSpec(view, 0, positiveNumber("rate of qdisc tbf", rate));
    view.setUint32(24, wholeNumber("limit of qdisc tbf", limit), true);
    view.setUint32(28, burstToTicks(wholeNumber("burst of qdisc tbf", burst, 1), rate), true);
    if (peak !== undefined) {
      if (!(peak.rate > rate))
        throw new InvalidValueError("peak.rate of qdisc tbf", peak.rate, `more than the rate, ${rate}`);
      writeRateSpec(view, RATESPEC_SIZE, positiveNumber("peak.rate of qdisc tbf", peak.rate));
      view.setUint32(
        32,
        burstToTicks(wholeNumber("peak.burst of qdisc tbf", peak.burst, 1), peak.rate),
        true,
      );
    }
    attributes.bytes(TCA_TBF_PARMS, qopt);
    // The buckets' sizes as bytes: the ticks above would be rounded at high rates.
    attributes.u32(TCA_TBF_BURST, burst);
    const wideRate = rate64(rate);
    if (wideRate !== undefined) attributes.u64(TCA_TBF_RATE64, wideRate);
    if (peak !== undefined) {
      attributes.u32(TCA_TBF_PBURST, peak.burst);
      const widePeak = rate64(peak.rate);
      if (widePeak !== undefined) attributes.u64(TCA_TBF_PRATE64, widePeak);
    }
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_TBF_PARMS), QOPT_SIZE);
    if (view === undefined) return undefined;
    const rate = readRate(view, 0, attributes.u64(TCA_TBF_RATE64));
    const peakRate = readRate(view, RATESPEC_SIZE, attributes.u64(TCA_TBF_PRATE64));
    // The kernel reports ticks only; TCA_TBF_BURST is there in a request that is read back.
    const burst = attributes.u32(TCA_TBF_BURST) ?? ticksToBurst(view.getUint32(28, true), rate);
    const peakBurst = attributes.u32(TCA_TBF_PBURST) ?? ticksToBurst(view.getUint32(32, true), peakRate);
    const limit = view.getUint32(24, true);
    const peak = { rate: peakRate, burst: peakBurst };
    return { kind: "tbf", rate, burst, limit, ...(peakRate !== 0 && { peak }) };
  },
};
