import type { KindCodec } from "./kind.ts";

/**
 * Stands at the root of a link with several transmit queues: a class for each queue, which packets reach without a
 * common lock, and in it the qdisc of that queue (net/sched/sch_mq.c). It takes no options.
 */
export interface MqQdisc {
  readonly kind: "mq";
}

/** One transmit queue: `1:1` is the first. Its leaf can be replaced, the class itself neither made nor deleted. */
export interface MqClass {
  readonly kind: "mq";
}

export const mqQdisc: KindCodec<MqQdisc> = {
  encode: () => undefined,
  decode: () => ({ kind: "mq" }),
};

export const mqClass: KindCodec<MqClass> = {
  encode: () => undefined,
  decode: () => ({ kind: "mq" }),
};
