import { AttributeReader, align4 } from "../netlink/attribute.ts";
import type { NetlinkClient } from "../netlink/client.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../netlink/message.ts";
import type { Prepared } from "../netlink/prepared.ts";
import { AF_INET, AF_INET6, formatIp, networkBytes, parsePrefix } from "./ip.ts";

/** include/uapi/linux/rtnetlink.h. */
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
/** struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags. */
const HEADER_SIZE = 12;
/** struct rtnexthop: length, flags, hops, link index; attributes follow. */
const NEXT_HOP_SIZE = 8;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;

/** A route of the main table. */
export interface RouteSpec {
  /** Destination in CIDR form; `0.0.0.0/0` or `::/0` is the default route. */
  readonly destination: string;
  /** Next hop; absent for what is reached on the link itself. */
  readonly gateway?: string;
  /** Link index. */
  readonly link: number;
  /** The lower, the stronger. */
  readonly priority?: number;
}

/** The main routing table of one network namespace. */
export class Routes {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Adds a route. Throws NetlinkError; EEXIST when the same route stands already. */
  async add(route: RouteSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(route));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(route: RouteSpec): Prepared<void> {
    const message = encode(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, route);
    return this.#client.prepare(
      `add ${describe(route)} in ${this.#place}`,
      message,
      { key: String(route.link) },
      () => {},
    );
  }

  /** Removes a route. Throws NetlinkError with ESRCH (3) when there is none. */
  async delete(route: RouteSpec): Promise<void> {
    const message = encode(RTM_DELROUTE, NLM_F_ACK, route);
    await this.#client.request(`remove ${describe(route)} in ${this.#place}`, message, {
      key: String(route.link),
    });
  }

  /** All unicast routes of the main table, both families; one for each next hop. */
  async list(): Promise<RouteSpec[]> {
    const routes: RouteSpec[] = [];
    for (const family of [AF_INET, AF_INET6]) {
      const header = new Uint8Array(HEADER_SIZE);
      header[0] = family;
      const { messages } = await this.#client.dump(
        `list routes in ${this.#place}`,
        encodeMessage(RTM_GETROUTE, NLM_F_DUMP, header),
      );
      routes.push(...messages.flatMap((message) => decodeRoutes(message.payload)));
    }
    return routes;
  }
}

/** Reads an RTM_NEWROUTE: a route for each next hop; none for what is not a unicast route of the main table. */
export function decodeRoutes(payload: Uint8Array): RouteSpec[] {
  if (payload.length < HEADER_SIZE) return [];
  const [family, prefixLength] = payload;
  const attributes = new AttributeReader(payload.subarray(HEADER_SIZE));
  const table = attributes.u32(RTA_TABLE) ?? payload[4];
  if (payload[7] !== RTN_UNICAST || table !== RT_TABLE_MAIN) return [];
  const size = family === AF_INET ? 4 : 16;
  const network = attributes.bytes(RTA_DST) ?? new Uint8Array(size);
  if (network.length !== size) return [];
  const destination = `${formatIp(network)}/${prefixLength}`;
  const priority = attributes.u32(RTA_PRIORITY);
  return readNextHops(attributes).map(({ link, gateway }) => ({
    destination,
    link,
    ...(gateway?.length === size ? { gateway: formatIp(gateway) } : {}),
    ...(priority === undefined ? {} : { priority }),
  }));
}

/** The one next hop in the route's own attributes, or those that share its traffic. */
function readNextHops(route: AttributeReader): { link: number; gateway: Uint8Array | undefined }[] {
  const link = route.u32(RTA_OIF);
  if (link !== undefined) return [{ link, gateway: route.bytes(RTA_GATEWAY) }];
  const hops: { link: number; gateway: Uint8Array | undefined }[] = [];
  let rest = route.bytes(RTA_MULTIPATH) ?? new Uint8Array();
  while (rest.length >= NEXT_HOP_SIZE) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = view.getUint16(0, true);
    if (length < NEXT_HOP_SIZE || length > rest.length) break;
    const attributes = new AttributeReader(rest.subarray(NEXT_HOP_SIZE, length));
    hops.push({ link: view.getInt32(4, true), gateway: attributes.bytes(RTA_GATEWAY) });
    rest = rest.subarray(align4(length));
  }
  return hops;
}

function encode(type: number, flags: number, route: RouteSpec): Uint8Array {
  const destination = parsePrefix(route.destination);
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = destination.family;
  header[1] = destination.prefixLength;
  header[4] = RT_TABLE_MAIN;
  header[5] = RTPROT_STATIC;
  header[6] = route.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header[7] = RTN_UNICAST;
  return encodeMessage(type, flags, header, (w) => {
    // The kernel refuses a destination with bits set behind its prefix.
    if (destination.prefixLength > 0) w.bytes(RTA_DST, networkBytes(destination));
    if (route.gateway !== undefined) w.bytes(RTA_GATEWAY, parsePrefix(route.gateway).bytes);
    w.u32(RTA_OIF, route.link);
    if (route.priority !== undefined) w.u32(RTA_PRIORITY, route.priority);
  });
}

function describe(route: RouteSpec): string {
  const via = route.gateway === undefined ? "" : ` via ${route.gateway}`;
  return `route ${route.destination}${via} on link ${route.link}`;
}
