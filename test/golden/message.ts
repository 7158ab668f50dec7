/**
 * Netlink messages as bytes, read without any of the project's own code: what checks the codecs must not lean on
 * them. Numbers are in host order, little-endian on every machine this runs on.
 */

/** struct nlmsghdr (include/uapi/linux/netlink.h). */
export const MESSAGE_HEADER_SIZE = 16;
export const ATTRIBUTE_HEADER_SIZE = 4;

export const NLM_F_REQUEST = 0x1;
/** Flags in the two upper bits of an attribute's type. */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
const NLA_TYPE_MASK = 0x3fff;

/** No family numbers its attributes that high: what reads so is no list of attributes. */
const MOST_TYPES = 1024;

/** struct ifinfomsg. */
export const INTERFACE_HEADER_SIZE = 16;
/** struct genlmsghdr. */
export const GENERIC_HEADER_SIZE = 4;

/**
 * Size of the family header by message type, for each group of four types (NEW, DEL, GET, SET) that begins with the
 * type named here (include/uapi/linux/rtnetlink.h).
 */
const FAMILY_HEADER_SIZES: Readonly<Record<number, number>> = {
  16: INTERFACE_HEADER_SIZE, // LINK
  20: 8, // ADDR: struct ifaddrmsg
  24: 12, // ROUTE: struct rtmsg
  28: 12, // NEIGH: struct ndmsg
  32: 12, // RULE: struct fib_rule_hdr
  36: 20, // QDISC: struct tcmsg
  40: 20, // TCLASS: struct tcmsg
  44: 20, // TFILTER: struct tcmsg
  48: 4, // ACTION: struct tcamsg
  64: 4, // NEIGHTBL: struct ndtmsg
  80: 4, // NETCONF: struct netconfmsg, one byte with its padding
  84: 8, // MDB: struct br_port_msg
  88: 4, // NSID: struct rtgenmsg, one byte with its padding
  92: 12, // STATS: struct if_stats_msg
  100: 20, // CHAIN: struct tcmsg
  104: 8, // NEXTHOP: struct nhmsg
  108: INTERFACE_HEADER_SIZE, // LINKPROP
  112: 8, // VLAN: struct br_vlan_msg
  116: 8, // NEXTHOPBUCKET: struct nhmsg
  120: 8, // TUNNEL: struct tunnel_msg
};

/** Messages of generic netlink families have this type here: their real one is given out as modules are loaded. */
export const GENERIC_TYPE = 0;

/** One message, taken apart. */
export interface MessageParts {
  readonly type: number;
  readonly flags: number;
  readonly familyHeader: Uint8Array;
  readonly attributes: Uint8Array;
}

/** Takes a message apart; throws for one whose family header is not known here or not whole. */
export function takeApart(message: Uint8Array): MessageParts {
  const view = viewOf(message);
  const type = view.getUint16(4, true);
  const size = type === GENERIC_TYPE ? GENERIC_HEADER_SIZE : FAMILY_HEADER_SIZES[type & ~3];
  if (size === undefined) throw new Error(`the size of the header behind message type ${type} is not known`);
  const end = MESSAGE_HEADER_SIZE + size;
  if (message.length < end) throw new Error(`a message of type ${type} has ${message.length} bytes`);
  return {
    type,
    flags: view.getUint16(6, true),
    familyHeader: message.subarray(MESSAGE_HEADER_SIZE, end),
    attributes: message.subarray(end),
  };
}

/**
 * The messages of one datagram. What stands behind the last is nothing, to the kernel too (netlink_rcv_skb,
 * net/netlink/af_netlink.c): with some dumps iproute2 sends its whole buffer.
 */
export function splitDatagram(datagram: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let rest = datagram; rest.length >= MESSAGE_HEADER_SIZE; ) {
    const length = viewOf(rest).getUint32(0, true);
    if (length < MESSAGE_HEADER_SIZE || length > rest.length) break;
    messages.push(rest.subarray(0, length));
    rest = rest.subarray(align4(length));
  }
  return messages;
}

/** One attribute. `at` is where its payload begins in the bytes that were read. */
export interface RawAttribute {
  readonly type: number;
  /** NLA_F_NESTED and NLA_F_NET_BYTEORDER as they were set. */
  readonly flags: number;
  readonly at: number;
  readonly payload: Uint8Array;
}

/**
 * Reads bytes as a list of attributes; undefined when they are none: when the lengths do not end exactly where the
 * bytes do, a type is out of reason, or the padding is not zero. Four bytes are a value and no list, though an
 * attribute without payload would fill them. The type 0 is a reason against a list, unless it is marked as one: an
 * array may be counted from 0.
 */
export function readAttributes(bytes: Uint8Array, isMarked = false): RawAttribute[] | undefined {
  if (bytes.length === ATTRIBUTE_HEADER_SIZE) return undefined;
  return readTopAttributes(bytes, isMarked ? 0 : 1);
}

/** As `readAttributes`, where a list must stand: behind a family header. */
export function readTopAttributes(bytes: Uint8Array, leastType = 1): RawAttribute[] | undefined {
  const view = viewOf(bytes);
  const attributes: RawAttribute[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < ATTRIBUTE_HEADER_SIZE) return undefined;
    const end = offset + view.getUint16(offset, true);
    const next = Math.min(align4(end), bytes.length);
    const field = view.getUint16(offset + 2, true);
    const type = field & NLA_TYPE_MASK;
    if (end < offset + ATTRIBUTE_HEADER_SIZE || end > bytes.length) return undefined;
    if (type < leastType || type >= MOST_TYPES || bytes.subarray(end, next).some((byte) => byte !== 0)) {
      return undefined;
    }
    const at = offset + ATTRIBUTE_HEADER_SIZE;
    attributes.push({ type, flags: field & ~NLA_TYPE_MASK, at, payload: bytes.subarray(at, end) });
    offset = next;
  }
  return attributes;
}

export const RTM_NEWLINK = 16;

/**
 * Size of a structure that goes before the attributes of a nest; 0 where there is none. The peer of a new veth is told
 * so: IFLA_LINKINFO, IFLA_INFO_DATA, VETH_INFO_PEER hold a struct ifinfomsg (veth_newlink, drivers/net/veth.c). Other
 * kinds hold less than its size there.
 */
export function innerHeaderSize(message: number, path: string, payload: Uint8Array): number {
  const isPeer = message === RTM_NEWLINK && path === "18.2.1" && payload.length > INTERFACE_HEADER_SIZE;
  return isPeer ? INTERFACE_HEADER_SIZE : 0;
}

export function align4(size: number): number {
  return (size + 3) & ~3;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
