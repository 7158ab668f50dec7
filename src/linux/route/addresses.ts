import { AttributeReader } from "../netlink/attribute.ts";
import type { NetlinkClient } from "../netlink/client.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../netlink/message.ts";
import type { Prepared } from "../netlink/prepared.ts";
import { AF_INET, AF_INET6, formatIp, parsePrefix } from "./ip.ts";

/** include/uapi/linux/rtnetlink.h, if_addr.h. */
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
/** struct ifaddrmsg: family, prefix length, flags, scope, link index. */
const HEADER_SIZE = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;

/** An IP address of a link. */
export interface LinkAddress {
  /** Link index. */
  readonly link: number;
  /** CIDR form, such as `10.0.0.1/24`. */
  readonly address: string;
  /** IPv6 duplicate address detection is still going on. */
  readonly isTentative: boolean;
  /** IPv6 duplicate address detection found another owner. */
  readonly isDuplicate: boolean;
}

/** The IP addresses of one network namespace. */
export class Addresses {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Adds `address` (CIDR form). An IPv6 address is used at once, without duplicate address detection. */
  async add(link: number, address: string): Promise<void> {
    await this.#client.send(this.prepareAdd(link, address));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(link: number, address: string): Prepared<void> {
    const message = encode(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link, address);
    return this.#client.prepare(
      `add address ${address} to link ${link} in ${this.#place}`,
      message,
      { key: String(link) },
      () => {},
    );
  }

  /** Removes `address`. Throws NetlinkError with EADDRNOTAVAIL when the link does not have it. */
  async delete(link: number, address: string): Promise<void> {
    const message = encode(RTM_DELADDR, NLM_F_ACK, link, address);
    await this.#client.request(`remove address ${address} from link ${link} in ${this.#place}`, message, {
      key: String(link),
    });
  }

  /** All addresses, or those of one link. */
  async list(link?: number): Promise<LinkAddress[]> {
    const { messages } = await this.#client.dump(
      `list addresses in ${this.#place}`,
      encodeMessage(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(HEADER_SIZE)),
    );
    return messages
      .map((message) => decodeAddress(message.payload))
      .filter((address) => address !== undefined)
      .filter((address) => link === undefined || address.link === link);
  }
}

/** Reads an RTM_NEWADDR; undefined when it holds no address. */
export function decodeAddress(payload: Uint8Array): LinkAddress | undefined {
  if (payload.length < HEADER_SIZE) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new AttributeReader(payload.subarray(HEADER_SIZE));
  // IFA_LOCAL is the link's own address; IFA_ADDRESS is the peer's on a point-to-point link.
  const bytes = attributes.bytes(IFA_LOCAL) ?? attributes.bytes(IFA_ADDRESS);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return undefined;
  const flags = attributes.u32(IFA_FLAGS) ?? view.getUint8(2);
  return {
    link: view.getUint32(4, true),
    address: `${formatIp(bytes)}/${view.getUint8(1)}`,
    isTentative: (flags & IFA_F_TENTATIVE) !== 0,
    isDuplicate: (flags & IFA_F_DADFAILED) !== 0,
  };
}

function encode(type: number, flags: number, link: number, address: string): Uint8Array {
  const prefix = parsePrefix(address);
  const header = new Uint8Array(HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint8(0, prefix.family);
  view.setUint8(1, prefix.prefixLength);
  view.setUint32(4, link, true);
  return encodeMessage(type, flags, header, (w) => {
    if (prefix.family === AF_INET) w.bytes(IFA_LOCAL, prefix.bytes);
    w.bytes(IFA_ADDRESS, prefix.bytes);
    if (prefix.family === AF_INET6) w.u32(IFA_FLAGS, IFA_F_NODAD);
  });
}
