import type { GoldenCase, Which } from "./golden.ts";
import {
  ATTRIBUTE_HEADER_SIZE,
  align4,
  GENERIC_TYPE,
  innerHeaderSize,
  MESSAGE_HEADER_SIZE,
  NLA_F_NESTED,
  NLM_F_REQUEST,
  type RawAttribute,
  RTM_NEWLINK,
  readAttributes,
  readTopAttributes,
  takeApart,
  viewOf,
} from "./message.ts";

/** include/uapi/linux/netlink.h. */
export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

const RTM_NEWTFILTER = 44;
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;

/** A message as it was sent. */
export interface SentMessage {
  /** NETLINK_ROUTE or NETLINK_GENERIC. */
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

/** What a request is for: see `GoldenCase`. */
type Meant = GoldenCase["message"];

/**
 * The one request among what was sent that is meant, in the form in which requests are compared and kept: without
 * what differs from run to run (see `DESCRIPTORS`). `families` names generic netlink families by their numbers.
 * Throws when there is no such request, or when `only` is meant and there are several that are not the same.
 */
export function pickRequest(
  sent: readonly SentMessage[],
  families: ReadonlyMap<number, string>,
  meant: Meant,
  which: Which = "only",
): Uint8Array {
  const requests = sent.filter(({ bytes }) => (viewOf(bytes).getUint16(6, true) & NLM_F_REQUEST) !== 0);
  const found = requests
    .filter((one) => isMeant(one, families, meant))
    .map(({ bytes }) => withoutNumbersOfThisRun(bytes, meant))
    .filter((bytes) => !isProbe(bytes));
  const request = found.at(which === "last" ? -1 : 0);
  if (request === undefined) {
    const types = requests.map(({ protocol, bytes }) => `${protocol}/${viewOf(bytes).getUint16(4, true)}`);
    throw new Error(`sent no ${describe(meant)}; what was sent (protocol/type): ${types.join(", ")}`);
  }
  if (which === "only" && found.some((other) => Buffer.compare(other, request) !== 0)) {
    throw new Error(`${describe(meant)} was sent ${found.length} times, and not the same each time`);
  }
  return request;
}

function isMeant({ protocol, bytes }: SentMessage, families: ReadonlyMap<number, string>, meant: Meant) {
  const type = viewOf(bytes).getUint16(4, true);
  if (typeof meant === "number") return protocol === NETLINK_ROUTE && type === meant;
  const isFamily = protocol === NETLINK_GENERIC && families.get(type) === meant.family;
  return isFamily && bytes[MESSAGE_HEADER_SIZE] === meant.command;
}

/** `ip link` asks by an RTM_NEWLINK that says nothing whether the kernel knows that message at all. */
function isProbe(message: Uint8Array): boolean {
  const { type, familyHeader, attributes } = takeApart(message);
  return type === RTM_NEWLINK && attributes.length === 0 && familyHeader.every((byte) => byte === 0);
}

/**
 * Attributes that hold a descriptor of the process that sends, which is another number each time: only that there is
 * one can be compared. By message, with the way to each.
 */
const DESCRIPTORS: readonly { readonly meant: Meant; readonly path: string; readonly kind?: string }[] = [
  { meant: RTM_NEWLINK, path: "28" }, // IFLA_NET_NS_FD
  { meant: RTM_NEWLINK, path: "18.2.1.28" }, // the same of a veth's peer
  { meant: RTM_NEWNSID, path: "3" }, // NETNSA_FD
  { meant: RTM_GETNSID, path: "3" },
  { meant: RTM_NEWTFILTER, path: "2.6", kind: "bpf" }, // TCA_BPF_FD
  { meant: { family: "devlink", command: 37 }, path: "138" }, // DEVLINK_CMD_RELOAD, DEVLINK_ATTR_NETNS_FD
];

/**
 * The message with zeros for sequence number, port id, descriptors, the number of a generic family, and padding, which
 * holds what stood in the sender's memory where libmnl is used (mnl_attr_put).
 */
function withoutNumbersOfThisRun(message: Uint8Array, meant: Meant): Uint8Array {
  const bytes = message.slice();
  const view = viewOf(bytes);
  view.setBigUint64(8, 0n);
  if (typeof meant !== "number") view.setUint16(4, GENERIC_TYPE, true);
  const { type, attributes } = takeApart(bytes);
  clearPadding(attributes);
  for (const entry of DESCRIPTORS) {
    if (describe(entry.meant) !== describe(meant)) continue;
    if (entry.kind !== undefined && tcKind(attributes) !== entry.kind) continue;
    for (const { payload } of findAll(attributes, entry.path, type)) {
      if (payload.length === 4) payload.fill(0);
    }
  }
  return bytes;
}

/** Puts zeros behind attributes that do not end at four bytes, also in nests: where they are marked, there are no others. */
function clearPadding(list: Uint8Array): void {
  const view = viewOf(list);
  for (let offset = 0; offset + ATTRIBUTE_HEADER_SIZE <= list.length; ) {
    const end = offset + view.getUint16(offset, true);
    if (end < offset + ATTRIBUTE_HEADER_SIZE || end > list.length) return;
    const isMarked = (view.getUint16(offset + 2, true) & NLA_F_NESTED) !== 0;
    if (isMarked) clearPadding(list.subarray(offset + ATTRIBUTE_HEADER_SIZE, end));
    list.subarray(end, align4(end)).fill(0);
    offset = align4(end);
  }
}

/** TCA_KIND. */
function tcKind(attributes: Uint8Array): string | undefined {
  const kind = readTopAttributes(attributes)?.find(({ type }) => type === 1);
  return kind && Buffer.from(kind.payload).toString().replace("\0", "");
}

/** Every attribute that a path leads to; the payloads lie in the bytes that were given. */
function findAll(bytes: Uint8Array, path: string, message: number): RawAttribute[] {
  const numbers = path.split(".").map(Number);
  let level = readTopAttributes(bytes) ?? [];
  for (const [depth, number] of numbers.entries()) {
    level = level.filter(({ type }) => type === number);
    if (depth === numbers.length - 1) break;
    const place = numbers.slice(0, depth + 1).join(".");
    level = level.flatMap(
      ({ payload }) => readAttributes(payload.subarray(innerHeaderSize(message, place, payload))) ?? [],
    );
  }
  return level;
}

function describe(meant: Meant): string {
  return typeof meant === "number"
    ? `message of type ${meant}`
    : `command ${meant.command} of the family ${meant.family}`;
}
