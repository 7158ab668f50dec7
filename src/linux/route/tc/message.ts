import { AttributeReader } from "../../netlink/attribute.ts";
import { encodeMessage, type Message, NLM_F_ACK, NLM_F_DUMP } from "../../netlink/message.ts";
import type { EncodedKind } from "./kind.ts";
import {
  decodeStatistics,
  decodeStatistics2,
  NO_STATISTICS,
  TCA_STATS_APP,
  type TcStatistics,
} from "./statistics.ts";
import { decodeTcmsg, encodeTcmsg, TCMSG_SIZE, type TcMessage } from "./tcmsg.ts";

/** Attributes of every tc message (include/uapi/linux/rtnetlink.h). */
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_STATS = 3;
const TCA_XSTATS = 4;
const TCA_STATS2 = 7;
const TCA_CHAIN = 11;

/** What a tc message holds, its options not yet read. */
export interface TcObject {
  readonly place: TcMessage;
  /** The kernel's name of the kind. */
  readonly name: string;
  readonly options: Uint8Array | undefined;
  readonly statistics: TcStatistics;
  /** What only its kind counts, not yet read. */
  readonly application: Uint8Array | undefined;
  /** Filters: the chain they are in. */
  readonly chain: number | undefined;
}

/** What a request says besides its place. */
interface TcContent {
  readonly kind?: EncodedKind;
  /** Filters: the chain they are in, where it is not the first. */
  readonly chain?: number | undefined;
}

/** A change of one tc object, which the kernel acknowledges. */
export function encodeTcRequest(
  type: number,
  flags: number,
  place: TcMessage,
  { kind, chain }: TcContent = {},
): Uint8Array {
  return encodeMessage(type, NLM_F_ACK | flags, encodeTcmsg(place), (attributes) => {
    if (chain !== undefined) attributes.u32(TCA_CHAIN, chain);
    if (kind === undefined) return;
    attributes.string(TCA_KIND, kind.name);
    if (kind.payload !== undefined) attributes.bytes(TCA_OPTIONS, kind.payload);
  });
}

/** A request for all objects of a kind at a place. */
export function encodeTcDump(type: number, place: TcMessage): Uint8Array {
  return encodeMessage(type, NLM_F_DUMP, encodeTcmsg(place));
}

/** Reads a qdisc, class or filter the kernel reported; undefined when the message is damaged. */
export function decodeTcObject(message: Message): TcObject | undefined {
  const place = decodeTcmsg(message.payload);
  if (place === undefined) return undefined;
  const attributes = new AttributeReader(message.payload.subarray(TCMSG_SIZE));
  const name = attributes.string(TCA_KIND);
  if (name === undefined) return undefined;
  return {
    place,
    name,
    options: attributes.bytes(TCA_OPTIONS),
    statistics: readStatistics(attributes),
    application: attributes.nested(TCA_STATS2)?.bytes(TCA_STATS_APP) ?? attributes.bytes(TCA_XSTATS),
    chain: attributes.u32(TCA_CHAIN),
  };
}

function readStatistics(attributes: AttributeReader): TcStatistics {
  const current = attributes.nested(TCA_STATS2);
  if (current !== undefined) return decodeStatistics2(current);
  const older = attributes.bytes(TCA_STATS);
  return (older && decodeStatistics(older)) ?? NO_STATISTICS;
}
