import { viewOf } from "../../netlink/view.ts";
import { wholeNumber } from "../../whole-number.ts";
import type { KindCodec } from "./kind.ts";

/** A queue that drops what does not fit: `pfifo` counts packets (net/sched/sch_fifo.c). */
export interface PfifoQdisc {
  readonly kind: "pfifo";
  /** Packets. */
  readonly limit: number;
}

/** A queue that drops what does not fit: `bfifo` counts bytes. */
export interface BfifoQdisc {
  readonly kind: "bfifo";
  /** Bytes. A limit below one GSO packet drops every large packet. */
  readonly limit: number;
}

export const pfifo: KindCodec<PfifoQdisc> = {
  encode: (options) => encodeLimit("limit of qdisc pfifo", options.limit),
  decode: (payload) => withLimit(payload, (limit) => ({ kind: "pfifo", limit })),
};

export const bfifo: KindCodec<BfifoQdisc> = {
  encode: (options) => encodeLimit("limit of qdisc bfifo", options.limit),
  decode: (payload) => withLimit(payload, (limit) => ({ kind: "bfifo", limit })),
};

/** struct tc_fifo_qopt {u32 limit} (include/uapi/linux/pkt_sched.h): the bare structure, no attributes. */
function encodeLimit(place: string, limit: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, wholeNumber(place, limit), true);
  return bytes;
}

function withLimit<Qdisc>(payload: Uint8Array, make: (limit: number) => Qdisc): Qdisc | undefined {
  const view = viewOf(payload, 4);
  return view && make(view.getUint32(0, true));
}
