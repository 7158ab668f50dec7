import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import type { KindCodec } from "./kind.ts";

/** Attributes of FQ-CoDel (include/uapi/linux/pkt_sched.h; net/sched/sch_fq_codel.c). */
const TCA_FQ_CODEL_TARGET = 1;
const TCA_FQ_CODEL_LIMIT = 2;
const TCA_FQ_CODEL_INTERVAL = 3;
const TCA_FQ_CODEL_ECN = 4;
const TCA_FQ_CODEL_MEMORY_LIMIT = 9;

/** Fair queues, each with CoDel's drop law: one bulky flow does not delay the others. */
export interface FqCodelQdisc {
  readonly kind: "fq_codel";
  /** Packets that may wait in all queues together. */
  readonly limit: number;
  /** Bytes of memory the waiting packets may take. */
  readonly memoryLimit: number;
  /** Delay that is always accepted, in microseconds. The kernel keeps it in units of 1.024 us. */
  readonly target: number;
  /** How long a delay above the target is accepted, in microseconds. */
  readonly interval: number;
  /** Marks packets that can be marked instead of dropping them. */
  readonly ecn: boolean;
}

export const fqCodel: KindCodec<FqCodelQdisc> = {
  encode: (options) =>
    new AttributeWriter()
      .u32(TCA_FQ_CODEL_LIMIT, options.limit)
      .u32(TCA_FQ_CODEL_INTERVAL, options.interval)
      .u32(TCA_FQ_CODEL_TARGET, options.target)
      .u32(TCA_FQ_CODEL_ECN, options.ecn ? 1 : 0)
      .u32(TCA_FQ_CODEL_MEMORY_LIMIT, options.memoryLimit)
      .finish(),
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const limit = attributes.u32(TCA_FQ_CODEL_LIMIT);
    const memoryLimit = attributes.u32(TCA_FQ_CODEL_MEMORY_LIMIT);
    const target = attributes.u32(TCA_FQ_CODEL_TARGET);
    const interval = attributes.u32(TCA_FQ_CODEL_INTERVAL);
    if (limit === undefined || memoryLimit === undefined) return undefined;
    if (target === undefined || interval === undefined) return undefined;
    const ecn = (attributes.u32(TCA_FQ_CODEL_ECN) ?? 0) !== 0;
    return { kind: "fq_codel", limit, memoryLimit, target, interval, ecn };
  },
};
