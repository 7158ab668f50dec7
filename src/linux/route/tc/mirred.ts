import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../../whole-number.ts";
import type { KindCodec } from "./kind.ts";

/** Attributes and values of the action (include/uapi/linux/tc_act/tc_mirred.h; net/sched/act_mirred.c). */
const TCA_MIRRED_PARMS = 2;
/** Linux 6.8 and newer: to a shared block, instead of one link. */
const TCA_MIRRED_BLOCKID = 4;
const TCA_EGRESS_REDIR = 1;
const TCA_EGRESS_MIRROR = 2;
const TCA_INGRESS_REDIR = 3;
const TCA_INGRESS_MIRROR = 4;
/**
 * What becomes of the packet itself (include/uapi/linux/pkt_cls.h): a redirected one is gone from here, after a copy
 * the next action goes on.
 */
const VERDICTS = { redirect: 4, mirror: 3 } as const; // TC_ACT_STOLEN, TC_ACT_PIPE

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
    if (entry === undefined) {
      const { mode, direction } = options;
      throw new InvalidValueError(
        "mode and direction of action mirred",
        `${mode} to ${direction}`,
        "redirect or mirror, to egress or ingress",
      );
    }
    const parms = new Uint8Array(PARMS_SIZE);
    const view = new DataView(parms.buffer);
    view.setInt32(8, VERDICTS[entry.mode], true);
    view.setInt32(20, entry.code, true);
    view.setUint32(24, wholeNumber("link of action mirred", options.link, 0, MOST_INDEX), true);
    return new AttributeWriter().bytes(TCA_MIRRED_PARMS, parms).finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_MIRRED_PARMS), PARMS_SIZE);
    if (view === undefined || attributes.has(TCA_MIRRED_BLOCKID)) return undefined;
    const entry = codes.find(({ code }) => code === view.getInt32(20, true));
    // One that does something else with the packet itself is not told in these words.
    if (entry === undefined || view.getInt32(8, true) !== VERDICTS[entry.mode]) return undefined;
    return { kind: "mirred", mode: entry.mode, direction: entry.direction, link: view.getUint32(24, true) };
  },
};
