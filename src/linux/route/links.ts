import { NotFoundError } from "../../model/errors.ts";
import { ENODEV } from "../errno.ts";
import type { AttributeWriter } from "../netlink/attribute.ts";
import type { NetlinkClient } from "../netlink/client.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../netlink/message.ts";
import type { Prepared } from "../netlink/prepared.ts";
import { parseMac } from "./ip.ts";
import { encodeKind, hasKindData, type LinkKindSpec } from "./kinds/kinds.ts";
import { decodeLink, type Link } from "./link.ts";
import * as attr from "./link-attributes.ts";

/** What can be set on a link, when it is made and afterwards. */
export interface LinkSettings {
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
  readonly isUp?: boolean;
  /** Index of the bridge or bond it shall belong to; 0 takes it out. */
  readonly master?: number;
  /** Packets. */
  readonly transmitQueueLength?: number;
  /** Bytes; sets the limit for IPv4 as well. */
  readonly gsoMaxSize?: number;
  /** Open descriptor of the namespace the link is made in or moved to. */
  readonly namespaceFd?: number;
}

/** A link to be made. */
export interface NewLink extends LinkSettings {
  readonly name: string;
  /** The index it gets; the kernel's choice when absent. EBUSY when it is taken. */
  readonly index?: number;
  /** The link it stands on (macvlan), by index in the namespace the request is made in. */
  readonly parent?: number;
  readonly of: LinkKindSpec;
}

/** No link of that name or index in the namespace. */
export class LinkNotFoundError extends NotFoundError {}

/** The links of one network namespace. */
export class Links {
  readonly #client: NetlinkClient;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** One link with its counters, by name or index. Throws LinkNotFoundError. */
  async get(link: string | number): Promise<Link> {
    const found = await this.find(link);
    if (found === undefined) throw new LinkNotFoundError(`no link ${describeLink(link)} in ${this.#place}`);
    return found;
  }

  /** One link with its counters, or undefined where there is none. */
  async find(link: string | number): Promise<Link | undefined> {
    return await this.#client.send(this.prepareFind(link));
  }

  /** `find`, to be sent with other requests. */
  prepareFind(link: string | number): Prepared<Link | undefined> {
    const message = encodeMessage(attr.RTM_GETLINK, 0, header(typeof link === "number" ? link : 0), (w) => {
      if (typeof link === "string") w.string(attr.IFLA_IFNAME, link);
    });
    return this.#client.prepare(
      `get link ${describeLink(link)} in ${this.#place}`,
      message,
      { lane: "read", tolerates: [ENODEV] },
      ([answer]) => (answer === undefined ? undefined : decodeLink(answer.payload)),
    );
  }

  /** All links with their counters; without those of IPv6, which make a dump a third larger. */
  async list(): Promise<{ links: Link[]; isInconsistent: boolean }> {
    const message = encodeMessage(attr.RTM_GETLINK, NLM_F_DUMP, header(0), (w) =>
      w.u32(attr.IFLA_EXT_MASK, attr.RTEXT_FILTER_SKIP_STATS),
    );
    const { messages, isInconsistent } = await this.#client.dump(`list links in ${this.#place}`, message);
    const links = messages.map((m) => decodeLink(m.payload)).filter((link) => link !== undefined);
    return { links, isInconsistent };
  }

  /** Makes a link. Throws NetlinkError; EEXIST when the name is taken. */
  async create(link: NewLink): Promise<void> {
    await this.#client.send(this.prepareCreate(link));
  }

  /** `create`, to be sent with other requests. */
  prepareCreate(link: NewLink): Prepared<void> {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    const message = encodeMessage(attr.RTM_NEWLINK, flags, header(link.index ?? 0, link.isUp), (w) => {
      writeSettings(link, w);
      if (link.parent !== undefined) w.u32(attr.IFLA_LINK, link.parent);
      w.nest(attr.IFLA_LINKINFO, (info) => {
        info.string(attr.IFLA_INFO_KIND, link.of.kind);
        if (hasKindData(link.of)) info.nest(attr.IFLA_INFO_DATA, (data) => encodeKind(link.of, data));
      });
    });
    return this.#client.prepare(
      `add link ${link.name} (${link.of.kind}) in ${this.#place}`,
      message,
      { key: link.name },
      () => {},
    );
  }

  /**
   * Changes a link. Several settings travel in one message, also a move to another namespace with a new name,
   * but the kernel does not undo the first when a later one fails: after an error, look.
   */
  async set(index: number, settings: LinkSettings): Promise<void> {
    await this.#client.send(this.prepareSet(index, settings));
  }

  /** `set`, to be sent with other requests. */
  prepareSet(index: number, settings: LinkSettings): Prepared<void> {
    const message = encodeMessage(attr.RTM_NEWLINK, NLM_F_ACK, header(index, settings.isUp), (w) =>
      writeSettings(settings, w),
    );
    return this.#client.prepare(
      `change link ${index} in ${this.#place}`,
      message,
      { key: String(index) },
      () => {},
    );
  }

  /**
   * Deletes a link. The answer comes a grace period of the kernel after the link is gone; whoever only wants
   * it gone waits for the announcement instead (`LinkEvents.expectEnd`).
   */
  async delete(index: number): Promise<void> {
    const message = encodeMessage(attr.RTM_DELLINK, NLM_F_ACK, header(index));
    await this.#client.request(`delete link ${index} in ${this.#place}`, message, {
      lane: "delete",
      key: String(index),
    });
  }
}

function header(index: number, isUp?: boolean): Uint8Array {
  const bytes = new Uint8Array(attr.INTERFACE_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  if (isUp !== undefined) {
    view.setUint32(8, isUp ? attr.IFF_UP : 0, true);
    view.setUint32(12, attr.IFF_UP, true);
  }
  return bytes;
}

function writeSettings(settings: LinkSettings, w: AttributeWriter): void {
  if (settings.namespaceFd !== undefined) w.u32(attr.IFLA_NET_NS_FD, settings.namespaceFd);
  if (settings.name !== undefined) w.string(attr.IFLA_IFNAME, settings.name);
  if (settings.mtu !== undefined) w.u32(attr.IFLA_MTU, settings.mtu);
  if (settings.mac !== undefined) w.bytes(attr.IFLA_ADDRESS, parseMac(settings.mac));
  if (settings.master !== undefined) w.u32(attr.IFLA_MASTER, settings.master);
  if (settings.transmitQueueLength !== undefined) w.u32(attr.IFLA_TXQLEN, settings.transmitQueueLength);
  if (settings.gsoMaxSize !== undefined) {
    w.u32(attr.IFLA_GSO_MAX_SIZE, settings.gsoMaxSize).u32(attr.IFLA_GSO_IPV4_MAX_SIZE, settings.gsoMaxSize);
  }
}

function describeLink(link: string | number): string {
  return typeof link === "number" ? `with index ${link}` : `"${link}"`;
}
