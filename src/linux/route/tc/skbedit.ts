import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { wholeNumber } from "../../whole-number.ts";
import { numberOfWord } from "../names.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";
import { decodeVerdict, encodeVerdict, type Verdict } from "./verdict.ts";

/** Attributes of the action (include/uapi/linux/tc_act/tc_skbedit.h; net/sched/act_skbedit.c). */
const TCA_SKBEDIT_PARMS = 2;
const TCA_SKBEDIT_PRIORITY = 3;
const TCA_SKBEDIT_QUEUE_MAPPING = 4;
const TCA_SKBEDIT_MARK = 5;
const TCA_SKBEDIT_PTYPE = 7;
const TCA_SKBEDIT_MASK = 8;
const TCA_SKBEDIT_FLAGS = 9;

const SKBEDIT_F_INHERITDSFIELD = 0x20n;

/** struct tc_skbedit: index, capab, action, refcnt, bindcnt. */
const PARMS_SIZE = 20;

/** Kinds of packet as a link sees them on arrival (include/uapi/linux/if_packet.h). */
const packetTypes = { host: 0, broadcast: 1, multicast: 2, otherhost: 3 } as const;

/** Changes what the kernel has noted about a packet; the packet's bytes stay as they are. */
export interface SkbeditAction {
  readonly kind: "skbedit";
  /** Priority: HTB and other qdiscs take it for the handle of the class, `tcHandle(1, 0x10)` being `1:10`. */
  readonly priority?: number;
  readonly mark?: number;
  /** Bits of the mark that are set; all when absent. */
  readonly markMask?: number;
  /** Number of the transmit queue. */
  readonly queueMapping?: number;
  /** Whom the packet is taken to be for: `host` makes the kernel accept it. */
  readonly packetType?: keyof typeof packetTypes;
  /** Takes the priority from the packet's DS field. */
  readonly inheritsDsField?: boolean;
  /** `pipe` when absent. */
  readonly verdict?: Verdict;
}

export const skbedit: KindCodec<SkbeditAction> = {
  encode(options) {
    const parms = new Uint8Array(PARMS_SIZE);
    new DataView(parms.buffer).setInt32(8, encodeVerdict(options.verdict ?? "pipe"), true);
    const attributes = new AttributeWriter().bytes(TCA_SKBEDIT_PARMS, parms);
    const { priority, mark, markMask, queueMapping, packetType, inheritsDsField } = options;
    if (queueMapping !== undefined) {
      const queue = wholeNumber("queueMapping of action skbedit", queueMapping, 0, 0xffff);
      attributes.u16(TCA_SKBEDIT_QUEUE_MAPPING, queue);
    }
    if (priority !== undefined)
      attributes.u32(TCA_SKBEDIT_PRIORITY, wholeNumber("priority of action skbedit", priority));
    if (mark !== undefined) attributes.u32(TCA_SKBEDIT_MARK, wholeNumber("mark of action skbedit", mark));
    if (markMask !== undefined) {
      if (mark === undefined)
        throw new InvalidValueError("mark of action skbedit", mark, "one, with its markMask");
      attributes.u32(TCA_SKBEDIT_MASK, wholeNumber("markMask of action skbedit", markMask));
    }
    if (packetType !== undefined)
      attributes.u16(
        TCA_SKBEDIT_PTYPE,
        numberOfWord("packetType of action skbedit", packetTypes, packetType),
      );
    if (inheritsDsField === true) attributes.u64(TCA_SKBEDIT_FLAGS, SKBEDIT_F_INHERITDSFIELD);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_SKBEDIT_PARMS), PARMS_SIZE);
    const verdict = view && decodeVerdict(view.getInt32(8, true));
    const flags = attributes.u64(TCA_SKBEDIT_FLAGS) ?? 0n;
    // A queue chosen by the packet's hash is not told in these words.
    if (verdict === undefined || (flags & ~SKBEDIT_F_INHERITDSFIELD) !== 0n) return undefined;
    return withoutAbsent<SkbeditAction>({
      kind: "skbedit",
      priority: attributes.u32(TCA_SKBEDIT_PRIORITY),
      mark: attributes.u32(TCA_SKBEDIT_MARK),
      markMask: attributes.u32(TCA_SKBEDIT_MASK),
      queueMapping: attributes.u16(TCA_SKBEDIT_QUEUE_MAPPING),
      packetType: nameOfPacketType(attributes.u16(TCA_SKBEDIT_PTYPE)),
      inheritsDsField: flags === SKBEDIT_F_INHERITDSFIELD ? true : undefined,
      verdict: verdict === "pipe" ? undefined : verdict,
    });
  },
};

function nameOfPacketType(code: number | undefined): keyof typeof packetTypes | undefined {
  return (Object.keys(packetTypes) as (keyof typeof packetTypes)[]).find(
    (name) => packetTypes[name] === code,
  );
}
