import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readActions, type TcAction, writeActions } from "./action.ts";
import { decodeRunsIn, encodeRunsIn, type RunsIn } from "./hardware.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";

/** Attributes of the filter (include/uapi/linux/pkt_cls.h; net/sched/cls_matchall.c). */
const TCA_MATCHALL_CLASSID = 1;
export const TCA_MATCHALL_ACT = 2;
export const TCA_MATCHALL_FLAGS = 3;

/** Matches every packet. The kernel knows no change of one: it is deleted and made anew. */
export interface MatchallFilter<Link = number> {
  readonly kind: "matchall";
  /** Handle of the class the packets go to. */
  readonly classId?: number;
  readonly runsIn?: RunsIn;
  readonly actions: readonly TcAction<Link>[];
}

export const matchall: KindCodec<MatchallFilter> = {
  encode(options) {
    const attributes = new AttributeWriter();
    if (options.classId !== undefined)
      attributes.u32(TCA_MATCHALL_CLASSID, wholeNumber("classId of filter matchall", options.classId));
    if (options.actions.length > 0) writeActions(attributes, TCA_MATCHALL_ACT, options.actions);
    const flags = encodeRunsIn(options.runsIn);
    if (flags !== undefined) attributes.u32(TCA_MATCHALL_FLAGS, flags);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    return withoutAbsent<MatchallFilter>({
      kind: "matchall",
      classId: attributes.u32(TCA_MATCHALL_CLASSID),
      runsIn: decodeRunsIn(attributes.u32(TCA_MATCHALL_FLAGS)),
      actions: readActions(attributes.bytes(TCA_MATCHALL_ACT)),
    });
  },
};
