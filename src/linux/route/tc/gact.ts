import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import type { KindCodec } from "./kind.ts";
import { decodeVerdict, encodeVerdict, type Verdict } from "./verdict.ts";

/** Attributes of the action (include/uapi/linux/tc_act/tc_gact.h; net/sched/act_gact.c). */
const TCA_GACT_PARMS = 2;
const TCA_GACT_PROB = 3;
const PGACT_NONE = 0;

/** struct tc_gact: index, capab, action, refcnt, bindcnt. */
const PARMS_SIZE = 20;

/** Does nothing but decide what becomes of the packet. */
export interface GactAction {
  readonly kind: "gact";
  readonly verdict: Verdict;
}

export const gact: KindCodec<GactAction> = {
  encode({ verdict }) {
    const parms = new Uint8Array(PARMS_SIZE);
    new DataView(parms.buffer).setInt32(8, encodeVerdict(verdict), true);
    return new AttributeWriter().bytes(TCA_GACT_PARMS, parms).finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_GACT_PARMS), PARMS_SIZE);
    // One that decides by chance is not this action.
    const chance = attributes.u16(TCA_GACT_PROB) ?? PGACT_NONE;
    if (view === undefined || chance !== PGACT_NONE) return undefined;
    const verdict = decodeVerdict(view.getInt32(8, true));
    return verdict && { kind: "gact", verdict };
  },
};
