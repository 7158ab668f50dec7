import { InvalidValueError } from "../../model/errors.ts";
import { ENOENT } from "../errno.ts";
import { AttributeReader } from "../netlink/attribute.ts";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "../netlink/message.ts";
import { viewOf } from "../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, formatIp, formatMac, parseIp, parseMac } from "./ip.ts";
import { type NameOrNumber, nameOf, numberOf } from "./names.ts";
import * as nd from "./neighbour-attributes.ts";
import { PROTOCOLS, type RouteProtocol } from "./route.ts";

/** How sure the kernel is of a neighbour. `permanent` and `noarp` never change by themselves. */
export type NeighbourState = NameOrNumber<keyof typeof nd.STATES>;

/** Which entry: what somebody on a link is known by. */
export interface NeighbourKey {
  /** Link index. */
  readonly link: number;
  readonly address: string;
  /** Not a neighbour, but an address this node answers for in a neighbour's place (proxy ARP and NDP). */
  readonly isProxy?: boolean;
}

/** A neighbour as somebody wants it. */
export interface NeighbourSpec extends NeighbourKey {
  /** Its link-layer address; needed for every state in which the kernel would send to it. */
  readonly mac?: string;
  /** `permanent` when absent. */
  readonly state?: NeighbourState;
  /** IPv6: it is a router. */
  readonly isRouter?: boolean;
  /** Somebody else than the kernel learns it and takes care of it: the kernel does not forget it. */
  readonly isExternallyLearned?: boolean;
  readonly protocol?: RouteProtocol;
}

/** A neighbour as the kernel has it. */
export interface Neighbour extends NeighbourKey {
  readonly isProxy: boolean;
  /** Undefined while it is not known. */
  readonly mac: string | undefined;
  readonly state: NeighbourState;
  readonly isRouter: boolean;
  readonly isExternallyLearned: boolean;
  readonly isOffloaded: boolean;
  readonly protocol: RouteProtocol | undefined;
  /** How long ago it was last confirmed, used and changed, in milliseconds, to hundredths of seconds. */
  readonly sinceConfirmed: number | undefined;
  readonly sinceUsed: number | undefined;
  readonly sinceUpdated: number | undefined;
}

/** Which neighbours are listed. */
export interface NeighbourFilter {
  /** Link index. */
  readonly link?: number;
  readonly family?: "ipv4" | "ipv6";
  /** Those this node answers for, in place of the neighbours. */
  readonly isProxy?: boolean;
}

/** The neighbours (ARP and NDP tables) of one network namespace. */
export class Neighbours {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Adds an entry. Throws InvalidValueError, and NetlinkError; EEXIST when the link has one for the address. */
  async add(neighbour: NeighbourSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(neighbour));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(neighbour: NeighbourSpec): Prepared<void> {
    return this.#prepare("add", NLM_F_CREATE | NLM_F_EXCL, neighbour);
  }

  /** Adds an entry or changes the one that is there. */
  async replace(neighbour: NeighbourSpec): Promise<void> {
    await this.#client.send(this.prepareReplace(neighbour));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(neighbour: NeighbourSpec): Prepared<void> {
    return this.#prepare("replace", NLM_F_CREATE | NLM_F_REPLACE, neighbour);
  }

  /** Removes an entry. Throws NetlinkError with ENOENT when there is none. */
  async delete(key: NeighbourKey): Promise<void> {
    const message = encodeKey(nd.RTM_DELNEIGH, NLM_F_ACK, key);
    await this.#client.request(`remove ${describe(key)} in ${this.#place}`, message, {
      key: String(key.link),
    });
  }

  /** One entry, or undefined where there is none. */
  async find(key: NeighbourKey): Promise<Neighbour | undefined> {
    const [answer] = await this.#client.request(
      `get ${describe(key)} in ${this.#place}`,
      encodeKey(nd.RTM_GETNEIGH, 0, key),
      { lane: "read", tolerates: [ENOENT] },
    );
    return answer === undefined ? undefined : decodeNeighbour(answer.payload);
  }

  /** The entries of the namespace, or those asked for, which the kernel then picks. */
  async list(filter: NeighbourFilter = {}): Promise<{ neighbours: Neighbour[]; isInconsistent: boolean }> {
    const { link, family, isProxy } = filter;
    const header = nd.encodeHeader({
      family: family === undefined ? AF_UNSPEC : family === "ipv4" ? AF_INET : AF_INET6,
      flags: isProxy === true ? nd.NTF_PROXY : 0,
    });
    const { entries: neighbours, isInconsistent } = await this.#client.dump(
      `list ${isProxy === true ? "proxied " : ""}neighbours${link === undefined ? "" : ` of link ${link}`} in ${this.#place}`,
      encodeMessage(nd.RTM_GETNEIGH, NLM_F_DUMP, header, (w) => {
        if (link !== undefined)
          w.u32(nd.NDA_IFINDEX, wholeNumber("link of a neighbour", link, 0, MOST_INDEX));
      }),
      ({ payload }) => decodeNeighbour(payload),
    );
    return { neighbours, isInconsistent };
  }

  #prepare(verb: string, flags: number, neighbour: NeighbourSpec): Prepared<void> {
    const message = encodeNeighbour(NLM_F_ACK | flags, neighbour);
    const operation = `${verb} ${describe(neighbour)} in ${this.#place}`;
    return this.#client.prepare(operation, message, { key: String(neighbour.link) }, () => {});
  }
}

/** Reads an RTM_NEWNEIGH or RTM_DELNEIGH; undefined when it is no neighbour of IPv4 or IPv6. */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const header = viewOf(payload, nd.HEADER_SIZE);
  if (header === undefined) return undefined;
  const { family, link, state, flags } = nd.readHeader(header);
  const size = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  const attributes = new AttributeReader(payload.subarray(nd.HEADER_SIZE));
  const address = attributes.bytes(nd.NDA_DST);
  if (address === undefined || size === 0 || address.length !== size) return undefined;
  const mac = attributes.bytes(nd.NDA_LLADDR);
  const protocol = attributes.u8(nd.NDA_PROTOCOL);
  return {
    link,
    address: formatIp(address),
    mac: mac === undefined ? undefined : formatMac(mac),
    state: nameOf(nd.STATES, state),
    isProxy: (flags & nd.NTF_PROXY) !== 0,
    isRouter: (flags & nd.NTF_ROUTER) !== 0,
    isExternallyLearned: (flags & nd.NTF_EXT_LEARNED) !== 0,
    isOffloaded: (flags & nd.NTF_OFFLOADED) !== 0,
    protocol: protocol === undefined ? undefined : nameOf(PROTOCOLS, protocol),
    ...nd.readAges(attributes),
  };
}

function encodeNeighbour(flags: number, neighbour: NeighbourSpec): Uint8Array {
  const { family, bytes } = parseIp(neighbour.address, "address of a neighbour");
  const { mac, isProxy, state: stateName = "permanent" } = neighbour;
  const state = numberOf("state of a neighbour", nd.STATES, stateName, 0xffff);
  if (mac === undefined && isProxy !== true && (state & nd.NUD_VALID) !== 0) {
    // With IPv4 the kernel would take such an entry, and send what is for it to everybody.
    throw new InvalidValueError("MAC address of a neighbour", mac, `one, as it is ${stateName}`);
  }
  const header = nd.encodeHeader({
    family,
    link: neighbour.link,
    state,
    flags:
      (isProxy === true ? nd.NTF_PROXY : 0) |
      (neighbour.isRouter === true ? nd.NTF_ROUTER : 0) |
      (neighbour.isExternallyLearned === true ? nd.NTF_EXT_LEARNED : 0),
  });
  return encodeMessage(nd.RTM_NEWNEIGH, flags, header, (w) => {
    w.bytes(nd.NDA_DST, bytes);
    if (mac !== undefined) w.bytes(nd.NDA_LLADDR, parseMac(mac, "MAC address of a neighbour"));
    if (neighbour.protocol !== undefined) {
      w.u8(nd.NDA_PROTOCOL, numberOf("protocol of a neighbour", PROTOCOLS, neighbour.protocol));
    }
  });
}

function encodeKey(type: number, flags: number, { link, address, isProxy }: NeighbourKey): Uint8Array {
  const { family, bytes } = parseIp(address, "address of a neighbour");
  const header = nd.encodeHeader({ family, link, flags: isProxy === true ? nd.NTF_PROXY : 0 });
  return encodeMessage(type, flags, header, (w) => w.bytes(nd.NDA_DST, bytes));
}

function describe({ link, address, isProxy }: NeighbourKey): string {
  return `${isProxy === true ? "proxied neighbour" : "neighbour"} ${address} of link ${link}`;
}
