import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { type GactAction, gact } from "./gact.ts";
import { type CodecTable, decodeKind, encodeKind, type UnknownKind } from "./kind.ts";
import { type MirredAction, mirred } from "./mirred.ts";
import { type PoliceAction, police } from "./police.ts";
import { type SkbeditAction, skbedit } from "./skbedit.ts";
import { decodeStatistics2, NO_STATISTICS, type TcStatistics } from "./statistics.ts";

/** Attributes of one action in a list (include/uapi/linux/pkt_cls.h; net/sched/act_api.c). */
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_ACT_STATS = 4;

/** The kernel reads so many actions of a list, and leaves out the others. */
const TCA_ACT_MAX_PRIO = 32;

type KnownAction<Link = number> = MirredAction<Link> | PoliceAction | SkbeditAction | GactAction;

/** What a filter does with the packets it matches. */
export type TcAction<Link = number> = KnownAction<Link> | UnknownKind;

const codecs: CodecTable<KnownAction> = { mirred, police, skbedit, gact };

/** Writes a list of actions under `type`: nests numbered from 1 in the order they are done. Throws InvalidValueError. */
export function writeActions(attributes: AttributeWriter, type: number, actions: readonly TcAction[]): void {
  if (actions.length > TCA_ACT_MAX_PRIO) {
    const expected = `at most ${TCA_ACT_MAX_PRIO} actions`;
    throw new InvalidValueError("actions of a filter", `${actions.length} actions`, expected);
  }
  const list = new AttributeWriter();
  for (const [index, action] of actions.entries()) {
    const { name, payload } = encodeKind(codecs, action);
    list.nest(
      index + 1,
      (nest) => {
        nest.string(TCA_ACT_KIND, name);
        nest.nest(TCA_ACT_OPTIONS, (options) => options.raw(payload ?? new Uint8Array()));
      },
      false,
    );
  }
  attributes.bytes(type, list.finish());
}

/** Reads a list of actions. */
export function readActions(list: Uint8Array | undefined): readonly TcAction[] {
  return readList(list).map((action) =>
    decodeKind(codecs, action.string(TCA_ACT_KIND) ?? "", action.bytes(TCA_ACT_OPTIONS)),
  );
}

/** Statistics of every action in a list, in the order they are done. */
export function readActionStatistics(list: Uint8Array | undefined): readonly TcStatistics[] {
  return readList(list).map((action) => {
    const statistics = action.nested(TCA_ACT_STATS);
    return statistics === undefined ? NO_STATISTICS : decodeStatistics2(statistics);
  });
}

function readList(list: Uint8Array | undefined): readonly AttributeReader[] {
  if (list === undefined) return [];
  return [...new AttributeReader(list).entries()].map(({ payload }) => new AttributeReader(payload));
}
