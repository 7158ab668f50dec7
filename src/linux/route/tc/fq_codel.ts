import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";

/** Attributes of FQ-CoDel (include/uapi/linux/pkt_sched.h; net/sched/sch_fq_codel.c). */
const TCA_FQ_CODEL_TARGET = 1;
const TCA_FQ_CODEL_LIMIT = 2;
const TCA_FQ_CODEL_INTERVAL = 3;
const TCA_FQ_CODEL_ECN = 4;
const TCA_FQ_CODEL_FLOWS = 5;
const TCA_FQ_CODEL_QUANTUM = 6;
const TCA_FQ_CODEL_CE_THRESHOLD = 7;
const TCA_FQ_CODEL_DROP_BATCH_SIZE = 8;
const TCA_FQ_CODEL_MEMORY_LIMIT = 9;

const MOST_FLOWS = 65_536;
/** FQ_CODEL_QUANTUM_MAX. */
const MOST_QUANTUM = 1 << 20;

/**
 * Fair queues, each with CoDel's drop law: one bulky flow does not delay the others. The kernel keeps times in units
 * of 1.024 us, so that one may come back a microsecond shorter.
 */
export interface FqCodelQdisc {
  readonly kind: "fq_codel";
  /** Packets that may wait in all queues together. */
  readonly limit: number;
  /** Bytes of memory the waiting packets may take. */
  readonly memoryLimit: number;
  /** Delay that is always accepted, in microseconds. */
  readonly target: number;
  /** How long a delay above the target is accepted, in microseconds. */
  readonly interval: number;
  /** Marks packets that can be marked instead of dropping them. */
  readonly ecn: boolean;
  /** Number of queues; 1024 when absent. Chosen when the qdisc is made; a change leaves it as it is. */
  readonly flows?: number;
  /** Bytes a queue sends before the next has its turn; one frame of the link when absent. */
  readonly quantum?: number;
  /** Delay above which packets that can be marked are marked, in microseconds; never when absent. */
  readonly ceThreshold?: number;
  /** Packets dropped at once when too many wait; 64 when absent. */
  readonly dropBatch?: number;
}

export const fqCodel: KindCodec<FqCodelQdisc> = {
  encode(options) {
    const attributes = new AttributeWriter();
    const put = (type: number, name: string, value: number | undefined, least = 0, most?: number) => {
      if (value !== undefined)
        attributes.u32(type, wholeNumber(`${name} of qdisc fq_codel`, value, least, most));
    };
    put(TCA_FQ_CODEL_LIMIT, "limit", options.limit);
    put(TCA_FQ_CODEL_FLOWS, "flows", options.flows, 1, MOST_FLOWS);
    put(TCA_FQ_CODEL_QUANTUM, "quantum", options.quantum, 256, MOST_QUANTUM);
    put(TCA_FQ_CODEL_INTERVAL, "interval", options.interval);
    put(TCA_FQ_CODEL_TARGET, "target", options.target);
    attributes.u32(TCA_FQ_CODEL_ECN, options.ecn ? 1 : 0);
    put(TCA_FQ_CODEL_CE_THRESHOLD, "ceThreshold", options.ceThreshold);
    put(TCA_FQ_CODEL_MEMORY_LIMIT, "memoryLimit", options.memoryLimit);
    put(TCA_FQ_CODEL_DROP_BATCH_SIZE, "dropBatch", options.dropBatch, 1);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const limit = attributes.u32(TCA_FQ_CODEL_LIMIT);
    const memoryLimit = attributes.u32(TCA_FQ_CODEL_MEMORY_LIMIT);
    const target = attributes.u32(TCA_FQ_CODEL_TARGET);
    const interval = attributes.u32(TCA_FQ_CODEL_INTERVAL);
    if (limit === undefined || memoryLimit === undefined) return undefined;
    if (target === undefined || interval === undefined) return undefined;
    return withoutAbsent<FqCodelQdisc>({
      kind: "fq_codel",
      limit,
      memoryLimit,
      target,
      interval,
      ecn: (attributes.u32(TCA_FQ_CODEL_ECN) ?? 0) !== 0,
      flows: attributes.u32(TCA_FQ_CODEL_FLOWS),
      quantum: attributes.u32(TCA_FQ_CODEL_QUANTUM),
      ceThreshold: attributes.u32(TCA_FQ_CODEL_CE_THRESHOLD),
      dropBatch: attributes.u32(TCA_FQ_CODEL_DROP_BATCH_SIZE),
    });
  },
};
