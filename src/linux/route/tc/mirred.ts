import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import type { KindCodec } from "./kind.ts";

/** Attributes and values of the action (include/uapi/linux/tc_act/tc_mirred.h; net/sched/act_mirred.c). */
const TCA_MIRRED_PARMS = 2;
const TCA_EGRESS_REDIR = 1;
const TCA_EGRESS_MIRROR = 2;
const TCA_INGRESS_REDIR = 3;
const TCA_INGRESS_MIRROR = 4;
/** What becomes of the packet itself (include/uapi/linux/pkt_cls.h). */
const TC_ACT_PIPE = 3;
const TC_ACT_STOLEN = 4;

/** struct tc_mirred: index, capab, action, refcnt, bindcnt, eaction, ifindex. */
const PARMS_SIZE = 28;

/** Sends the packet, or a copy of it, to another link. */
export interface MirredAction<Link = number> {
  readonly kind: "mirred";
  readonly mode: "redirect" | "mirror";
  /** Whether the other link sends the packet (`egress`) or has received it. */
  readonly direction: "egress" | "ingress";
  /** The other link: its index. */
  readonly link: Link;
}

const codes = [
  { code: TCA_EGRESS_REDIR, mode: "redirect", direction: "egress" },
  { code: TCA_EGRESS_MIRROR, mode: "mirror", direction: "egress" },
  { code: TCA_INGRESS_REDIR, mode: "redirect", direction: "ingress" },
  { code: TCA_INGRESS_MIRROR, mode: "mirror", direction: "ingress" },
] as const;

export const mirred: KindCodec<MirredAction> = {
  encode(options) {
    const entry = codes.find(
      ({ mode, direction }) => mode === options.mode && direction === options.direction,
    );
    const parms = new Uint8Array(PARMS_SIZE);
    const view = new DataView(parms.buffer);
    // A redirected packet is gone from here; after a copy the next action goes on.
    view.setInt32(8, options.mode === "redirect" ? TC_ACT_STOLEN : TC_ACT_PIPE, true);
    view.setInt32(20, entry?.code ?? 0, true);
    view.setUint32(24, options.link, true);
    return new AttributeWriter().bytes(TCA_MIRRED_PARMS, parms).finish();
  },
  decode(payload) {
    const parms = new AttributeReader(payload).bytes(TCA_MIRRED_PARMS);
    if (parms === undefined || parms.length < PARMS_SIZE) return undefined;
    const view = new DataView(parms.buffer, parms.byteOffset);
    const entry = codes.find(({ code }) => code === view.getInt32(20, true));
    if (entry === undefined) return undefined;
    return { kind: "mirred", mode: entry.mode, direction: entry.direction, link: view.getUint32(24, true) };
  },
};
