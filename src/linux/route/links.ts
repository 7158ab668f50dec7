import { InvalidValueError, NotFoundError } from "../../model/errors.ts";
import { ENODEV, ENOTCONN, EOPNOTSUPP } from "../errno.ts";
import type { AttributeWriter } from "../netlink/attribute.ts";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
} from "../netlink/message.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { decodeIpSettings, type IpSettings } from "./ip-settings.ts";
import {
  encodeKind,
  hasKindData,
  type LinkKindChange,
  type LinkKindSpec,
  refuseFixed,
} from "./kinds/kinds.ts";
import type { Link } from "./link.ts";
import * as attr from "./link-attributes.ts";
import { decodeLink } from "./link-decoder.ts";
import { linkHeader } from "./link-header.ts";
import {
  type InitialSettings,
  type LinkSettings,
  LONGEST_NAME,
  type QueueSettings,
  writeIndex,
  writeInitialSettings,
  writeSettings,
} from "./link-settings.ts";

/** A link to be made. */
export interface NewLink extends InitialSettings, QueueSettings {
  readonly name: string;
  /** The index it gets; the kernel's choice when absent. EBUSY when it is taken. */
  readonly index?: number;
  /** The link it stands on (macvlan, vlan), by index in the namespace the request is made in. */
  readonly parent?: number;
  /** Index of the bridge, bond or VRF it shall belong to. */
  readonly master?: number;
  readonly of: LinkKindSpec;
}

/** ALTIFNAMSIZ less the closing zero byte (include/uapi/linux/if.h). */
const LONGEST_ALT_NAME = 127;

/** What a refusal means. The kernel brings the first end of a veth up before it makes the second (veth_open). */
const CREATE_REASONS = {
  [ENOTCONN]: "a veth cannot be made with both ends up: bring one of them up afterwards",
};

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

  /** One link with its counters, by name, other name or index. Throws LinkNotFoundError. */
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
    const message = encodeMessage(
      attr.RTM_GETLINK,
      0,
      linkHeader(typeof link === "number" ? link : 0),
      typeof link === "number" ? undefined : (w) => writeLookup(link, w),
    );
    return this.#client.prepare(
      `get link ${describeLink(link)} in ${this.#place}`,
      message,
      { lane: "read", tolerates: [ENODEV] },
      ([answer]) => (answer === undefined ? undefined : decodeLink(answer.payload)),
    );
  }

  /** All links with their counters; without those of IPv6, which make a dump a third larger. */
  async list(): Promise<{ links: Link[]; isInconsistent: boolean }> {
    const message = encodeMessage(attr.RTM_GETLINK, NLM_F_DUMP, linkHeader(0), (w) =>
      w.u32(attr.IFLA_EXT_MASK, attr.RTEXT_FILTER_SKIP_STATS),
    );
    const { entries: links, isInconsistent } = await this.#client.dump(
      `list links in ${this.#place}`,
      message,
      ({ payload }) => decodeLink(payload),
    );
    return { links, isInconsistent };
  }

  /** Makes a link. Throws InvalidValueError, and NetlinkError; EEXIST when the name is taken. */
  async create(link: NewLink): Promise<void> {
    await this.#client.send(this.prepareCreate(link));
  }

  /** `create`, to be sent with other requests. */
  prepareCreate(link: NewLink): Prepared<void> {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    const message = encodeMessage(attr.RTM_NEWLINK, flags, linkHeader(link.index ?? 0, link), (w) => {
      const { name, master, parent } = link;
      writeInitialSettings(link, w, `link ${name}`);
      if (master !== undefined) writeIndex(attr.IFLA_MASTER, master, `master of link ${name}`, w);
      if (parent !== undefined) writeIndex(attr.IFLA_LINK, parent, `parent of link ${name}`, w);
      writeKind(link.of, w);
    });
    return this.#client.prepare(
      `add link ${link.name} (${link.of.kind}) in ${this.#place}`,
      message,
      { key: link.name, reasons: CREATE_REASONS },
      () => {},
    );
  }

  /**
   * Changes a link. Several settings travel in one message, also a move to another namespace with a new name,
   * but the kernel does not undo the first when a later one fails: after an error, look. Throws InvalidValueError before
   * anything is sent, and NetlinkError.
   */
  async set(index: number, settings: LinkSettings): Promise<void> {
    await this.#client.send(this.prepareSet(index, settings));
  }

  /** `set`, to be sent with other requests. */
  prepareSet(index: number, settings: LinkSettings): Prepared<void> {
    const message = encodeMessage(attr.RTM_NEWLINK, NLM_F_ACK, linkHeader(index, settings), (w) =>
      writeSettings(settings, w, `link ${index}`),
    );
    return this.#client.prepare(
      `change link ${index} in ${this.#place}`,
      message,
      { key: String(index) },
      () => {},
    );
  }

  /**
   * Changes what a link has of its own kind: a bridge's VLAN filtering, a bond's primary link. What is absent stays as
   * it is. Throws InvalidValueError for what only a link that is made can be given, and NetlinkError, with EOPNOTSUPP
   * when the link is of another kind.
   */
  async change(index: number, change: LinkKindChange): Promise<void> {
    await this.#client.send(this.prepareChange(index, change));
  }

  /** `change`, to be sent with other requests. */
  prepareChange(index: number, change: LinkKindChange): Prepared<void> {
    refuseFixed(change);
    if (!hasKindData(change))
      throw new InvalidValueError(`change of link ${index} (${change.kind})`, change, "something to change");
    const message = encodeMessage(attr.RTM_NEWLINK, NLM_F_ACK, linkHeader(index), (w) =>
      writeKind(change, w),
    );
    const reasons = { [EOPNOTSUPP]: `it is no ${change.kind}` };
    return this.#client.prepare(
      `change link ${index} (${change.kind}) in ${this.#place}`,
      message,
      { key: String(index), reasons },
      () => {},
    );
  }

  /** What IP has to do with a link. Throws NetlinkError; ENODEV when there is no such link. */
  async ipSettings(index: number): Promise<IpSettings> {
    const message = encodeMessage(attr.RTM_GETLINK, 0, linkHeader(index));
    const operation = `get the IP settings of link ${index} in ${this.#place}`;
    const [answer] = await this.#client.request(operation, message, { lane: "read" });
    return decodeIpSettings(answer?.payload ?? new Uint8Array());
  }

  /** Gives a link further names, of up to 127 bytes each. Throws NetlinkError; EEXIST when one is taken. */
  async addAltNames(index: number, names: readonly string[]): Promise<void> {
    await this.#client.send(this.prepareAddAltNames(index, names));
  }

  /** `addAltNames`, to be sent with other requests. */
  prepareAddAltNames(index: number, names: readonly string[]): Prepared<void> {
    return this.#prepareAltNames("add", index, names);
  }

  /** Takes other names from a link. Throws NetlinkError; ENOENT when it does not have one of them. */
  async deleteAltNames(index: number, names: readonly string[]): Promise<void> {
    await this.#client.send(this.prepareDeleteAltNames(index, names));
  }

  /** `deleteAltNames`, to be sent with other requests. */
  prepareDeleteAltNames(index: number, names: readonly string[]): Prepared<void> {
    return this.#prepareAltNames("remove", index, names);
  }

  #prepareAltNames(verb: "add" | "remove", index: number, names: readonly string[]): Prepared<void> {
    const [type, flags] =
      verb === "add"
        ? [attr.RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND]
        : [attr.RTM_DELLINKPROP, 0];
    for (const name of names) {
      const { length } = Buffer.from(name);
      if (length > 0 && length <= LONGEST_ALT_NAME && !name.includes("\0")) continue;
      const expected = `1 to ${LONGEST_ALT_NAME} bytes, none of them zero`;
      throw new InvalidValueError(`other name of link ${index}`, name, expected);
    }
    const message = encodeMessage(type, NLM_F_ACK | flags, linkHeader(index), (w) =>
      w.nest(attr.IFLA_PROP_LIST, (list) => {
        for (const name of names) list.string(attr.IFLA_ALT_IFNAME, name);
      }),
    );
    const operation = `${verb} the other names ${names.join(", ")} of link ${index} in ${this.#place}`;
    return this.#client.prepare(operation, message, { key: String(index) }, () => {});
  }

  /**
   * Deletes a link. The answer comes a grace period of the kernel after the link is gone; whoever only wants
   * it gone waits for the announcement instead (`LinkEvents.expectEnd`).
   */
  async delete(index: number): Promise<void> {
    const message = encodeMessage(attr.RTM_DELLINK, NLM_F_ACK, linkHeader(index));
    await this.#client.request(`delete link ${index} in ${this.#place}`, message, {
      lane: "delete",
      key: String(index),
    });
  }
}

function writeKind(of: LinkKindChange, w: AttributeWriter): void {
  w.nest(attr.IFLA_LINKINFO, (info) => {
    info.string(attr.IFLA_INFO_KIND, of.kind);
    if (hasKindData(of)) info.nest(attr.IFLA_INFO_DATA, (data) => encodeKind(of, data));
  });
}

/** A name that is too long for a link's first one is another name. */
function writeLookup(name: string, w: AttributeWriter): void {
  w.string(Buffer.byteLength(name) > LONGEST_NAME ? attr.IFLA_ALT_IFNAME : attr.IFLA_IFNAME, name);
}

function describeLink(link: string | number): string {
  return typeof link === "number" ? `with index ${link}` : `"${link}"`;
}
