import { InvalidValueError } from "../../model/errors.ts";
import { AttributeReader, type AttributeWriter } from "../netlink/attribute.ts";
import { encodeMessage } from "../netlink/message.ts";
import { viewOf } from "../netlink/view.ts";
import { wholeNumber } from "../whole-number.ts";
import { AF_INET, AF_INET6, formatIp, type IpPrefix, networkBytes, parseIp, parsePrefix } from "./ip.ts";
import { type NameOrNumber, nameOf, numberOf } from "./names.ts";
import {
  decodeNextHops,
  type NextHop,
  type NextHopState,
  nextHopFlags,
  writeLink,
  writeNextHops,
} from "./next-hop.ts";
import { SCOPES, type Scope } from "./scope.ts";

/** include/uapi/linux/rtnetlink.h. */
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
/** struct rtmsg: family, prefix lengths of destination and source, TOS, table, protocol, scope, type, flags. */
const HEADER_SIZE = 12;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_TABLE = 15;
const RTA_PREF = 20;
/** Inside RTA_METRICS. */
const RTAX_MTU = 2;
const RTAX_ADVMSS = 8;
/** The answer to a lookup names the table the route stands in. */
const RTM_F_LOOKUP_TABLE = 0x1000;
/** Tables above this do not fit into the header. */
const LAST_SHORT_TABLE = 255;

/** The table that routes stand in unless they say another (RT_TABLE_MAIN). */
export const MAIN_TABLE = 254;

/** What a route does with a packet (RTN_*). */
const TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

/** Who made a route (RTPROT_*). */
export const PROTOCOLS = {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  zebra: 11,
  bird: 12,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  bgp: 186,
  isis: 187,
  ospf: 188,
} as const;

/** How much a router wants to be the default one (RFC 4191; include/uapi/linux/icmpv6.h). */
const PREFERENCES = { medium: 0, high: 1, low: 3 } as const;

export type RouteType = NameOrNumber<keyof typeof TYPES>;
export type RouteProtocol = NameOrNumber<keyof typeof PROTOCOLS>;
export type RoutePreference = NameOrNumber<keyof typeof PREFERENCES>;

/** A route as somebody wants it. One next hop may be written without the list: `link`, `gateway`, `isOnLink`. */
export interface RouteSpec extends Omit<NextHop, "weight"> {
  /** In CIDR form; `0.0.0.0/0` or `::/0` is the default route. */
  readonly destination: string;
  /** The traffic is shared among these. */
  readonly nextHops?: readonly NextHop[];
  /** `unicast` when absent. `blackhole`, `unreachable`, `prohibit` and `throw` have no next hop. */
  readonly type?: RouteType;
  /** 254 (main) when absent. */
  readonly table?: number;
  /** `static` when absent. */
  readonly protocol?: RouteProtocol;
  /** IPv4; when absent it follows from type and gateway. IPv6 has none, which reads as `universe`. */
  readonly scope?: Scope;
  /** The lower, the stronger. */
  readonly priority?: number;
  /** The address packets are sent from, unless their sender chose one. */
  readonly source?: string;
  /** IPv6: only for packets from this network, in CIDR form. */
  readonly sourcePrefix?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** The TCP segment size told to the other end, in bytes. */
  readonly advmss?: number;
  /** IPv6; `medium` when absent. */
  readonly preference?: RoutePreference;
}

/** A route as the kernel has it. */
export interface Route extends Omit<RouteSpec, keyof NextHop> {
  /** None where the route leads nowhere; IPv6 names the loopback link there. */
  readonly nextHops: readonly NextHopState[];
  readonly type: RouteType;
  readonly table: number;
  readonly protocol: RouteProtocol;
  readonly scope: Scope;
}

/** Which routes are listed. */
export interface RouteFilter {
  readonly family?: "ipv4" | "ipv6";
  /** 254 (main) when absent; `all` for every table, also that of the node's own addresses (255). */
  readonly table?: number | "all";
  /** Routes with a next hop on this link. */
  readonly link?: number;
  readonly type?: RouteType;
  readonly protocol?: RouteProtocol;
}

/** An RTM_NEWROUTE or RTM_DELROUTE; `flags` are the message's. Throws InvalidValueError. */
export function encodeRoute(type: number, flags: number, route: RouteSpec): Uint8Array {
  const destination = parsePrefix(route.destination);
  const { family } = destination;
  const source = route.sourcePrefix === undefined ? undefined : parsePrefix(route.sourcePrefix);
  if (source !== undefined) expectFamily(family, source, "source prefix", route.sourcePrefix);
  const routeType = numberOf("route type", TYPES, route.type ?? "unicast");
  const hops = nextHopsOf(route);
  const [onlyHop] = hops.length === 1 ? hops : [];
  const table = wholeNumber("route table", route.table ?? MAIN_TABLE, 1);
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = family;
  header[1] = destination.prefixLength;
  header[2] = source?.prefixLength ?? 0;
  header[4] = table > LAST_SHORT_TABLE ? 0 : table;
  header[5] = numberOf("route protocol", PROTOCOLS, route.protocol ?? "static");
  header[6] = numberOf("route scope", SCOPES, route.scope ?? defaultScope(family, routeType, hops));
  header[7] = routeType;
  header[8] = onlyHop === undefined ? 0 : nextHopFlags(onlyHop);
  return encodeMessage(type, flags, header, (w) => {
    // The kernel refuses a destination with bits set behind its prefix.
    if (destination.prefixLength > 0) w.bytes(RTA_DST, networkBytes(destination));
    if (source !== undefined && source.prefixLength > 0) w.bytes(RTA_SRC, networkBytes(source));
    if (table > LAST_SHORT_TABLE) w.u32(RTA_TABLE, table);
    writeNextHops(family, hops, w);
    if (route.source !== undefined) {
      const address = parseIp(route.source, "source address");
      expectFamily(family, address, "source address", route.source);
      w.bytes(RTA_PREFSRC, address.bytes);
    }
    if (route.priority !== undefined) w.u32(RTA_PRIORITY, wholeNumber("route priority", route.priority));
    writeMetrics(route, w);
    if (route.preference !== undefined) {
      w.u8(RTA_PREF, numberOf("route preference", PREFERENCES, route.preference));
    }
  });
}

/** An RTM_GETROUTE for a dump; with strict checking the kernel leaves out what was not asked for. */
export function encodeRouteDump(family: number, flags: number, filter: RouteFilter): Uint8Array {
  const { table = MAIN_TABLE, link, type, protocol } = filter;
  const number = table === "all" ? 0 : wholeNumber("route table", table, 1);
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = family;
  header[4] = number > LAST_SHORT_TABLE ? 0 : number;
  if (protocol !== undefined) header[5] = numberOf("route protocol", PROTOCOLS, protocol);
  if (type !== undefined) header[7] = numberOf("route type", TYPES, type);
  return encodeMessage(RTM_GETROUTE, flags, header, (w) => {
    if (number > LAST_SHORT_TABLE) w.u32(RTA_TABLE, number);
    if (link !== undefined) writeLink(link, w);
  });
}

/** What a route is looked up for besides the destination. */
export interface RouteLookup {
  /** The address the packet comes from. */
  readonly source?: string;
  /** Index of the link it leaves by. */
  readonly link?: number;
}

/** An RTM_GETROUTE that asks which way a packet would go. Throws InvalidValueError. */
export function encodeRouteLookup(destination: string, { source, link }: RouteLookup): Uint8Array {
  const { family, bytes } = parseIp(destination, "destination");
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = family;
  header[1] = bytes.length * 8;
  if (source !== undefined) header[2] = bytes.length * 8;
  // IPv6 says so without being asked, and refuses the flag.
  if (family === AF_INET) new DataView(header.buffer).setUint32(8, RTM_F_LOOKUP_TABLE, true);
  return encodeMessage(RTM_GETROUTE, 0, header, (w) => {
    w.bytes(RTA_DST, bytes);
    if (source !== undefined) {
      const address = parseIp(source, "source address");
      expectFamily(family, address, "source address", source);
      w.bytes(RTA_SRC, address.bytes);
    }
    if (link !== undefined) writeLink(link, w);
  });
}

/** Reads an RTM_NEWROUTE or RTM_DELROUTE; undefined when it is no route of IPv4 or IPv6. */
export function decodeRoute(payload: Uint8Array): Route | undefined {
  const header = viewOf(payload, HEADER_SIZE);
  if (header === undefined) return undefined;
  const family = header.getUint8(0);
  const size = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  const attributes = new AttributeReader(payload.subarray(HEADER_SIZE));
  const destination = attributes.bytes(RTA_DST) ?? new Uint8Array(size);
  if (size === 0 || destination.length !== size) return undefined;
  const sourcePrefix = attributes.bytes(RTA_SRC);
  const source = attributes.bytes(RTA_PREFSRC);
  const metrics = attributes.nested(RTA_METRICS);
  const priority = attributes.u32(RTA_PRIORITY);
  const preference = attributes.u8(RTA_PREF);
  const [mtu, advmss] = [metrics?.u32(RTAX_MTU), metrics?.u32(RTAX_ADVMSS)];
  return {
    destination: `${formatIp(destination)}/${header.getUint8(1)}`,
    nextHops: decodeNextHops(attributes, header.getUint32(8, true)),
    type: nameOf(TYPES, header.getUint8(7)),
    table: attributes.u32(RTA_TABLE) ?? header.getUint8(4),
    protocol: nameOf(PROTOCOLS, header.getUint8(5)),
    scope: nameOf(SCOPES, header.getUint8(6)),
    ...(priority === undefined ? {} : { priority }),
    ...(source?.length === size ? { source: formatIp(source) } : {}),
    ...(sourcePrefix?.length === size
      ? { sourcePrefix: `${formatIp(sourcePrefix)}/${header.getUint8(2)}` }
      : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advmss }),
    ...(preference === undefined ? {} : { preference: nameOf(PREFERENCES, preference) }),
  };
}

function nextHopsOf({ nextHops, link, gateway, isOnLink }: RouteSpec): readonly NextHop[] {
  const hasOwn = link !== undefined || gateway !== undefined || isOnLink !== undefined;
  if (nextHops === undefined) return hasOwn ? [{ link, gateway, isOnLink }] : [];
  if (!hasOwn) return nextHops;
  throw new InvalidValueError(
    "next hops of a route",
    { nextHops, link, gateway },
    "a list or a link and gateway",
  );
}

/** As the kernel wants it: what has no gateway is no further than the link, and our own addresses are on the host. */
function defaultScope(family: number, type: number, hops: readonly NextHop[]): Scope {
  if (family === AF_INET6) return "universe";
  if (type === TYPES.local) return "host";
  const isDirect = hops.every(({ gateway }) => gateway === undefined);
  return type === TYPES.unicast && isDirect ? "link" : "universe";
}

function writeMetrics({ mtu, advmss }: RouteSpec, w: AttributeWriter): void {
  if (mtu === undefined && advmss === undefined) return;
  const write = (metrics: AttributeWriter) => {
    if (mtu !== undefined) metrics.u32(RTAX_MTU, wholeNumber("route MTU", mtu, 1));
    if (advmss !== undefined) metrics.u32(RTAX_ADVMSS, wholeNumber("route advmss", advmss, 1));
  };
  w.nest(RTA_METRICS, write, false);
}

function expectFamily(
  family: number,
  other: Pick<IpPrefix, "family">,
  place: string,
  text: string | undefined,
): void {
  if (other.family === family) return;
  throw new InvalidValueError(
    place,
    text,
    `an ${family === AF_INET ? "IPv4" : "IPv6"} address, as the destination is`,
  );
}
