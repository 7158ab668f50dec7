import { AttributeReader } from "../../netlink/attribute.ts";
import { encodeMessage, type Message, NLM_F_ACK } from "../../netlink/message.ts";
import type { EncodedKind } from "./kind.ts";
import { decodeStatistics, decodeStatistics2, NO_STATISTICS, type TcStatistics } from "./statistics.ts";
import { decodeTcmsg, encodeTcmsg, TCMSG_SIZE, type TcMessage } from "./tcmsg.ts";

/** Attributes of every tc message (include/uapi/linux/rtnetlink.h). */
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_STATS = 3;
const TCA_STATS2 = 7;

/** What a tc message holds, its options not yet read. */
export interface TcObject {
  readonly place: TcMessage;
  /** The kernel's name of the kind. */
  readonly name: string;
  readonly options: Uint8Array | undefined;
  readonly statistics: TcStatistics;
}

/** A request for one tc object. The kernel acknowledges it. */
export function encodeTcRequest(
  type: number,
  flags: number,
  place: TcMessage,
  kind?: EncodedKind,
): Uint8Array {
  return encodeMessage(type, NLM_F_ACK | flags, encodeTcmsg(place), (attributes) => {
    if (kind === undefined) return;
    attributes.string(TCA_KIND, kind.name);
    if (kind.payload !== undefined) attributes.bytes(TCA_OPTIONS, kind.payload);
  });
}

/** Reads a qdisc, class or filter the kernel reported; undefined when the message is damaged. */
export function decodeTcObject(message: Message): TcObject | undefined {
  const place = decodeTcmsg(message.payload);
  if (place === undefined) return undefined;
  const attributes = new AttributeReader(message.payload.subarray(TCMSG_SIZE));
  const name = attributes.string(TCA_KIND);
  if (name === undefined) return undefined;
  return { place, name, options: attributes.bytes(TCA_OPTIONS), statistics: readStatistics(attributes) };
}

function readStatistics(attributes: AttributeReader): TcStatistics {
  const current = attributes.nested(TCA_STATS2);
  if (current !== undefined) return decodeStatistics2(current);
  const older = attributes.bytes(TCA_STATS);
  return (older && decodeStatistics(older)) ?? NO_STATISTICS;
}
