import { InvalidValueError } from "../../model/errors.ts";
import { AttributeReader, AttributeWriter, align4 } from "../netlink/attribute.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import { AF_INET, AF_INET6, formatIp, parseIp } from "./ip.ts";

/** include/uapi/linux/rtnetlink.h. */
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_MULTIPATH = 9;
const RTA_VIA = 18;
/** struct rtnexthop: length, flags, hops, link index; attributes follow. */
const NEXT_HOP_SIZE = 8;
/** Flags of a next hop, which stand in the route's header where it has only one. */
const RTNH_F_DEAD = 0x01;
const RTNH_F_ONLINK = 0x04;
const RTNH_F_LINKDOWN = 0x10;

/** Where a packet goes next. */
export interface NextHop {
  /** Link index. */
  readonly link?: number;
  /** The router, without a prefix length; absent for what is reached on the link itself. */
  readonly gateway?: string;
  /** The router is on the link, whatever the link's addresses say. */
  readonly isOnLink?: boolean;
  /** Its share of the traffic, 1 (when absent) to 256. */
  readonly weight?: number;
}

/** A next hop as the kernel sees it now. */
export interface NextHopState extends NextHop {
  readonly isOnLink: boolean;
  readonly weight: number;
  /** Not used: its link is down. */
  readonly isDead: boolean;
  /** Its link has no carrier. */
  readonly isLinkDown: boolean;
}

/** The flags of a hop, for its own structure or the route's header. */
export function nextHopFlags({ isOnLink }: NextHop): number {
  return isOnLink === true ? RTNH_F_ONLINK : 0;
}

/** One hop as attributes of the route itself, several as a list. Throws InvalidValueError. */
export function writeNextHops(family: number, hops: readonly NextHop[], w: AttributeWriter): void {
  const [first] = hops;
  if (first === undefined) return;
  if (hops.length > 1) {
    w.nest(RTA_MULTIPATH, (nest) => nest.raw(encodeNextHops(family, hops)), false);
    return;
  }
  writeGateway(family, first, w);
  if (first.link !== undefined) writeLink(first.link, w);
}

/** Names the link of a route. Throws InvalidValueError. */
export function writeLink(link: number, w: AttributeWriter): void {
  w.u32(RTA_OIF, wholeNumber("link of a route", link, 0, MOST_INDEX));
}

/** The one next hop in the route's own attributes, or those that share its traffic; `flags` are the route's. */
export function decodeNextHops(route: AttributeReader, flags: number): NextHopState[] {
  const list = route.bytes(RTA_MULTIPATH);
  if (list === undefined) {
    const hop = decodeNextHop(route, route.u32(RTA_OIF), flags, 1);
    return hop.link === undefined && hop.gateway === undefined ? [] : [hop];
  }
  const hops: NextHopState[] = [];
  for (let rest = list; rest.length >= NEXT_HOP_SIZE; ) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = view.getUint16(0, true);
    if (length < NEXT_HOP_SIZE || length > rest.length) break;
    const attributes = new AttributeReader(rest.subarray(NEXT_HOP_SIZE, length));
    hops.push(decodeNextHop(attributes, view.getUint32(4, true), view.getUint8(2), view.getUint8(3) + 1));
    rest = rest.subarray(align4(length));
  }
  return hops;
}

function encodeNextHops(family: number, hops: readonly NextHop[]): Uint8Array {
  const writer = new AttributeWriter();
  for (const hop of hops) {
    const attributes = new AttributeWriter();
    writeGateway(family, hop, attributes);
    const bytes = attributes.finish();
    const header = new Uint8Array(NEXT_HOP_SIZE);
    const view = new DataView(header.buffer);
    view.setUint16(0, NEXT_HOP_SIZE + bytes.length, true);
    view.setUint8(2, nextHopFlags(hop));
    view.setUint8(3, wholeNumber("weight of a next hop", hop.weight ?? 1, 1, 256) - 1);
    view.setInt32(4, wholeNumber("link of a next hop", hop.link ?? 0, 0, MOST_INDEX), true);
    writer.raw(header).raw(bytes);
  }
  return writer.finish();
}

function writeGateway(family: number, { gateway }: NextHop, w: AttributeWriter): void {
  if (gateway === undefined) return;
  const router = parseIp(gateway, "gateway");
  if (router.family === family) {
    w.bytes(RTA_GATEWAY, router.bytes);
  } else if (family === AF_INET) {
    // struct rtvia: the family as 16 bits, then the address.
    w.bytes(RTA_VIA, Uint8Array.of(AF_INET6, 0, ...router.bytes));
  } else {
    throw new InvalidValueError("gateway", gateway, "an IPv6 address, as the destination is");
  }
}

function decodeNextHop(
  attributes: AttributeReader,
  link: number | undefined,
  flags: number,
  weight: number,
): NextHopState {
  const gateway = attributes.bytes(RTA_GATEWAY) ?? attributes.bytes(RTA_VIA)?.subarray(2);
  return {
    ...(link === undefined ? {} : { link }),
    ...(gateway?.length === 4 || gateway?.length === 16 ? { gateway: formatIp(gateway) } : {}),
    isOnLink: (flags & RTNH_F_ONLINK) !== 0,
    weight,
    isDead: (flags & RTNH_F_DEAD) !== 0,
    isLinkDown: (flags & RTNH_F_LINKDOWN) !== 0,
  };
}
