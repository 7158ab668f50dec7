import { viewOf } from "../../netlink/view.ts";
import type { KindCodec } from "./kind.ts";

/** struct tc_prio_qopt {int bands, u8 priomap[16]} (include/uapi/linux/pkt_sched.h). */
const QOPT_SIZE = 20;

/** Three queues, the first served first; as long as the link's transmit queue (net/sched/sch_generic.c). */
export interface PfifoFastQdisc {
  readonly kind: "pfifo_fast";
  /** Queue of each of the 16 priorities of packets. The kernel reports it and lets nobody choose it. */
  readonly priorityBands?: readonly number[];
}

export const pfifoFast: KindCodec<PfifoFastQdisc> = {
  encode: () => undefined,
  decode(payload) {
    const view = viewOf(payload, QOPT_SIZE);
    if (view === undefined) return { kind: "pfifo_fast" };
    return { kind: "pfifo_fast", priorityBands: [...payload.subarray(4, QOPT_SIZE)] };
  },
};
