import { EADDRNOTAVAIL } from "../errno.ts";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import {
  type AddressFilter,
  type AddressSettings,
  decodeAddress,
  encodeAddress,
  encodeAddressDump,
  encodeAddressRequest,
  type LinkAddress,
  RTM_DELADDR,
  RTM_NEWADDR,
} from "./address.ts";

/** The IP addresses of one network namespace. */
export class Addresses {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /**
   * Adds `address` (CIDR form) to a link. An IPv6 address is used at once, unless its flags say otherwise. Throws
   * InvalidValueError, and NetlinkError; EEXIST when the link has it already.
   */
  async add(link: number, address: string, settings: AddressSettings = {}): Promise<void> {
    await this.#client.send(this.prepareAdd(link, address, settings));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(link: number, address: string, settings: AddressSettings = {}): Prepared<void> {
    return this.#prepare("add", NLM_F_CREATE | NLM_F_EXCL, link, address, settings);
  }

  /**
   * Adds `address`, or changes it where the link has it already: lifetimes and metric of both families, of an IPv6
   * address also flags. Label, broadcast address and scope of an IPv4 address stay.
   */
  async replace(link: number, address: string, settings: AddressSettings = {}): Promise<void> {
    await this.#client.send(this.prepareReplace(link, address, settings));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(link: number, address: string, settings: AddressSettings = {}): Prepared<void> {
    return this.#prepare("replace", NLM_F_CREATE | NLM_F_REPLACE, link, address, settings);
  }

  /**
   * Removes `address`; with its peer, if it has one. Throws NetlinkError with EADDRNOTAVAIL when the link does not
   * have it.
   */
  async delete(
    link: number,
    address: string,
    settings: Pick<AddressSettings, "peer" | "label"> = {},
  ): Promise<void> {
    await this.#client.send(this.prepareDelete(link, address, settings));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(
    link: number,
    address: string,
    settings: Pick<AddressSettings, "peer" | "label"> = {},
  ): Prepared<void> {
    return this.#client.prepare(
      `remove address ${address} from link ${link} in ${this.#place}`,
      encodeAddress(RTM_DELADDR, NLM_F_ACK, link, address, settings),
      { key: String(link) },
      () => {},
    );
  }

  /** One IPv6 address of a link, or undefined where the link does not have it; its prefix length does not count. Throws InvalidValueError for IPv4. */
  async find(link: number, address: string): Promise<LinkAddress | undefined> {
    return await this.#client.send(this.prepareFind(link, address));
  }

  /** `find`, to be sent with other requests. */
  prepareFind(link: number, address: string): Prepared<LinkAddress | undefined> {
    return this.#client.prepare(
      `get address ${address} of link ${link} in ${this.#place}`,
      encodeAddressRequest(link, address),
      { lane: "read", tolerates: [EADDRNOTAVAIL] },
      ([answer]) => {
        const found = answer === undefined ? undefined : decodeAddress(answer.payload);
        // Asked about a link that is not there, the kernel looks on all.
        return found?.link === link ? found : undefined;
      },
    );
  }

  /**
   * The addresses of the namespace, or those asked for, which the kernel then picks. Throws NetlinkError with ENODEV
   * when the link of the filter is not there.
   *
   * Each step of duplicate address detection counts as a change, and interrupts a list that does not fit into the first
   * part of its answer (4 KB, some 45 addresses). Of such a list the kernel may also lose an address without a word,
   * when another goes at the same time (seen with 6.18: a list waits for no lock, and the kernel counts the change
   * after it was made). Whoever must know of one IPv6 address takes `find`.
   */
  async list(filter: AddressFilter = {}): Promise<{ addresses: LinkAddress[]; isInconsistent: boolean }> {
    const ofLink = filter.link === undefined ? "" : ` of link ${filter.link}`;
    const { entries: addresses, isInconsistent } = await this.#client.dump(
      `list addresses${ofLink} in ${this.#place}`,
      encodeAddressDump(NLM_F_DUMP, filter),
      ({ payload }) => decodeAddress(payload),
    );
    return { addresses, isInconsistent };
  }

  #prepare(
    verb: string,
    flags: number,
    link: number,
    address: string,
    settings: AddressSettings,
  ): Prepared<void> {
    return this.#client.prepare(
      `${verb} address ${address} ${verb === "add" ? "to" : "on"} link ${link} in ${this.#place}`,
      encodeAddress(RTM_NEWADDR, NLM_F_ACK | flags, link, address, settings),
      { key: String(link) },
      () => {},
    );
  }
}
