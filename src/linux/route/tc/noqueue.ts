import type { KindCodec } from "./kind.ts";

/** Hands packets to the link at once: what veth, VLAN and bridge links have (net/sched/sch_generic.c). */
export interface NoqueueQdisc {
  readonly kind: "noqueue";
}

export const noqueue: KindCodec<NoqueueQdisc> = {
  encode: () => undefined,
  decode: () => ({ kind: "noqueue" }),
};
