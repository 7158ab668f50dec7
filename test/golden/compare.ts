import type { GoldenDifference } from "./golden.ts";
import {
  innerHeaderSize,
  NLA_F_NESTED,
  NLA_F_NET_BYTEORDER,
  type RawAttribute,
  RTM_NEWLINK,
  readAttributes,
  readTopAttributes,
  takeApart,
} from "./message.ts";

/** Where two requests are not the same. */
export interface Difference {
  /**
   * `type`, `flags`, `header`, or the way to the attribute by its numbers from the outside, such as `18.2.3`; a type
   * that repeats counts from 0: `18.2.4[1]`. Behind it `@28` for the four bytes at that offset of a structure,
   * or the one byte of a header, `:nested` and `:byteorder` for a flag of the attribute's type.
   */
  readonly path: string;
  /** In hexadecimal, or a word for what is not there. */
  readonly ours: string;
  readonly theirs: string;
}

const WORD = 4;
/** A structure in which more words differ is another one as a whole. */
const MOST_WORDS = 8;
/** More bytes than a person reads. */
const MOST_SHOWN = 64;

/**
 * Compares two requests as the kernel reads them, without knowing what they mean: flags, family header, and the
 * attributes, each with those of the same type on the other side. The order of attributes says nothing, but for that
 * among attributes of one type. A payload that reads as a list of attributes on both sides is compared as one.
 * Sequence number and port id are not looked at.
 */
export function compareRequests(ours: Uint8Array, theirs: Uint8Array): Difference[] {
  const [our, their] = [takeApart(ours), takeApart(theirs)];
  if (our.type !== their.type) {
    return [{ path: "type", ours: String(our.type), theirs: String(their.type) }];
  }
  const ourList = readTopAttributes(our.attributes);
  const theirList = readTopAttributes(their.attributes);
  const differences = [
    ...compareValues("flags", formatFlags(our.flags), formatFlags(their.flags)),
    ...compareBytes("header", our.familyHeader, their.familyHeader, 1),
  ];
  if (ourList !== undefined && theirList !== undefined) {
    return [...differences, ...compareLists("", ourList, theirList, our.type)];
  }
  const damaged = "no list of attributes: ";
  const text = (list: RawAttribute[] | undefined, bytes: Uint8Array) =>
    `${list === undefined ? damaged : ""}${formatBytes(bytes)}`;
  return [
    ...differences,
    { path: "attributes", ours: text(ourList, our.attributes), theirs: text(theirList, their.attributes) },
  ];
}

/** What is wrong with a comparison, in sentences: differences nobody listed, and listed ones that are none. */
export function findFaults(
  differences: readonly Difference[],
  wanted: readonly GoldenDifference[] = [],
): string[] {
  const unlisted = differences.filter(({ path }) => !wanted.some((one) => covers(one.path, path)));
  const stale = wanted.filter((one) => !differences.some(({ path }) => covers(one.path, path)));
  return [
    ...unlisted.map(({ path, ours, theirs }) => `${path}: ours is ${ours}, theirs is ${theirs}`),
    ...stale.map(({ path, reason }) => `${path}: both are the same, but a difference is listed: ${reason}`),
  ];
}

function covers(wanted: string, path: string): boolean {
  return path === wanted || (path.startsWith(wanted) && ".[@:".includes(path.charAt(wanted.length)));
}

function compareLists(
  path: string,
  ours: readonly RawAttribute[],
  theirs: readonly RawAttribute[],
  message: number,
): Difference[] {
  const types = new Set([...theirs, ...ours].map(({ type }) => type));
  return [...types].flatMap((type) => {
    const our = ours.filter((one) => one.type === type);
    const their = theirs.filter((one) => one.type === type);
    const count = Math.max(our.length, their.length);
    return Array.from({ length: count }, (_, position) => {
      const place = `${path}${type}${count > 1 ? `[${position}]` : ""}`;
      return compareAttributes(place, our[position], their[position], message);
    }).flat();
  });
}

function compareAttributes(
  path: string,
  ours: RawAttribute | undefined,
  theirs: RawAttribute | undefined,
  message: number,
): Difference[] {
  if (ours === undefined || theirs === undefined) {
    return compareValues(path, formatAttribute(ours), formatAttribute(theirs));
  }
  const isMarked = ((ours.flags | theirs.flags) & NLA_F_NESTED) !== 0;
  const [our, their] = [ours, theirs].map(({ payload }) => readNest(path, payload, message, isMarked));
  const marks = compareMarks(path, ours.flags, theirs.flags, our !== undefined);
  if (Buffer.compare(ours.payload, theirs.payload) === 0) return marks;
  if (isSameKind(path, ours.payload, theirs.payload, message)) return marks;
  if (our === undefined || their === undefined) {
    return [...marks, ...comparePayloads(path, ours.payload, theirs.payload)];
  }
  return [
    ...marks,
    ...compareBytes(path, our.header, their.header, 1),
    ...compareLists(`${path}.`, our.attributes, their.attributes, message),
  ];
}

/**
 * Whether both name the same kind of link. iproute2 leaves out the zero byte that closes IFLA_INFO_KIND and
 * IFLA_INFO_SLAVE_KIND; to the kernel they are NLA_STRING, which may have it or not (ifla_info_policy,
 * net/core/rtnetlink.c).
 */
function isSameKind(path: string, ours: Uint8Array, theirs: Uint8Array, message: number): boolean {
  if (message !== RTM_NEWLINK || (path !== "18.1" && path !== "18.4")) return false;
  return Buffer.compare(ours, Buffer.concat([theirs, Uint8Array.of(0)])) === 0;
}

/** What a payload holds, where it may be a nest: nothing at all, or attributes behind the structure that goes first. */
function readNest(path: string, payload: Uint8Array, message: number, isMarked: boolean) {
  const size = innerHeaderSize(message, path, payload);
  const rest = payload.subarray(size);
  const attributes = rest.length === 0 ? [] : readAttributes(rest, isMarked);
  return attributes && { header: payload.subarray(0, size), attributes };
}

/**
 * The flags of an attribute's type. That a nest is marked in ours alone is no difference: the kernel asks for the mark
 * where it checks strictly, on every nest and on nothing else, and masks it elsewhere (NLA_F_NESTED in
 * __nla_validate_parse and validate_nla, lib/nlattr.c; nla_type, include/net/netlink.h); iproute2 leaves it out in the
 * older families. A mark that is missing in ours is a difference, and so is one on what is no list of attributes.
 */
function compareMarks(path: string, ours: number, theirs: number, isNest: boolean): Difference[] {
  const [our, their] = [ours & NLA_F_NESTED, theirs & NLA_F_NESTED];
  const isOursAlone = our !== 0 && their === 0;
  return [
    ...(isOursAlone && isNest ? [] : compareValues(`${path}:nested`, formatMark(our), formatMark(their))),
    ...compareValues(
      `${path}:byteorder`,
      formatMark(ours & NLA_F_NET_BYTEORDER),
      formatMark(theirs & NLA_F_NET_BYTEORDER),
    ),
  ];
}

/** Compares payloads that are not the same: those that are equally long and no text by their words, unless nearly all of them differ. */
function comparePayloads(path: string, ours: Uint8Array, theirs: Uint8Array): Difference[] {
  const isWhole = ours.length !== theirs.length || ours.length <= WORD || isText(ours) || isText(theirs);
  const words = isWhole ? [] : compareBytes(path, ours, theirs, WORD);
  if (!isWhole && words.length <= MOST_WORDS) return words;
  return [{ path, ours: formatBytes(ours), theirs: formatBytes(theirs) }];
}

/** Compares as many bytes as both have, by pieces of the same size. */
function compareBytes(path: string, ours: Uint8Array, theirs: Uint8Array, size: number): Difference[] {
  const offsets = Array.from({ length: Math.ceil(ours.length / size) }, (_, piece) => piece * size);
  return offsets.flatMap((offset) =>
    compareValues(
      `${path}@${offset}`,
      formatBytes(ours.subarray(offset, offset + size)),
      formatBytes(theirs.subarray(offset, offset + size)),
    ),
  );
}

function compareValues(path: string, ours: string, theirs: string): Difference[] {
  return ours === theirs ? [] : [{ path, ours, theirs }];
}

function formatAttribute(attribute: RawAttribute | undefined): string {
  return attribute === undefined ? "absent" : formatBytes(attribute.payload);
}

function formatFlags(flags: number): string {
  return `0x${flags.toString(16)}`;
}

function formatMark(mark: number): string {
  return mark === 0 ? "not set" : "set";
}

/** Hexadecimal in groups of four bytes, and the text where it is one. */
function formatBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const shown =
    Buffer.from(bytes.subarray(0, MOST_SHOWN))
      .toString("hex")
      .match(/.{1,8}/g) ?? [];
  const rest = bytes.length > MOST_SHOWN ? ` ... (${bytes.length} bytes)` : "";
  return `${shown.join(" ")}${rest}${isText(bytes) ? ` "${Buffer.from(bytes).toString().replace("\0", "\\0")}"` : ""}`;
}

/** Printable characters, with or without a closing zero byte. */
function isText(bytes: Uint8Array): boolean {
  const text = bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  return text.length > 1 && text.every((byte) => byte >= 0x20 && byte < 0x7f);
}
