import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readActions, type TcAction, writeActions } from "./action.ts";
import { readFlowerMatch, writeFlowerMatch } from "./flower-keys.ts";
import { checkFlowerMatch, type FlowerMatch } from "./flower-match.ts";
import { decodeRunsIn, encodeRunsIn, type RunsIn } from "./hardware.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";

/** Attributes of the filter besides its keys (include/uapi/linux/pkt_cls.h; net/sched/cls_flower.c). */
const TCA_FLOWER_CLASSID = 1;
export const TCA_FLOWER_ACT = 3;
const TCA_FLOWER_KEY_ETH_TYPE = 8;
export const TCA_FLOWER_FLAGS = 22;

/** Matches packets by what their headers say; a card that can sort packets understands it too. */
export interface FlowerFilter<Link = number> {
  readonly kind: "flower";
  /** All that is named must hold; nothing named matches every packet of the filter's protocol. */
  readonly match: FlowerMatch;
  /** Handle of the class matching packets go to. */
  readonly classId?: number;
  readonly runsIn?: RunsIn;
  readonly actions: readonly TcAction<Link>[];
}

/** The filter's protocol is the packet's first Ethernet type, which flower wants to be told again as a key. */
type PlacedFlower = FlowerFilter & { readonly protocol?: "all" | number };

export const flower: KindCodec<FlowerFilter> = {
  encode(options: PlacedFlower) {
    const { match, classId, runsIn, actions, protocol = "all" } = options;
    checkFlowerMatch(match, protocol);
    const attributes = new AttributeWriter();
    if (classId !== undefined)
      attributes.u32(TCA_FLOWER_CLASSID, wholeNumber("classId of filter flower", classId));
    writeFlowerMatch(attributes, match);
    if (protocol !== "all") attributes.u16be(TCA_FLOWER_KEY_ETH_TYPE, protocol);
    attributes.u32(TCA_FLOWER_FLAGS, encodeRunsIn(runsIn) ?? 0);
    if (actions.length > 0) writeActions(attributes, TCA_FLOWER_ACT, actions);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const match = readFlowerMatch(payload);
    return (
      match &&
      withoutAbsent<FlowerFilter>({
        kind: "flower",
        match,
        classId: attributes.u32(TCA_FLOWER_CLASSID),
        runsIn: decodeRunsIn(attributes.u32(TCA_FLOWER_FLAGS)),
        actions: readActions(attributes.bytes(TCA_FLOWER_ACT)),
      })
    );
  },
};
