import { type Message, NLM_F_CREATE, NLM_F_EXCL } from "../../netlink/message.ts";
import type { NetlinkClient } from "../../worker/netlink-client.ts";
import type { Prepared } from "../../worker/prepared.ts";
import { decodeHtbClassStatistics, type HtbClassStatistics } from "./application.ts";
import { type HtbClass, htbClass } from "./htb.ts";
import { type CodecTable, decodeKind, encodeKind, kindName, type UnknownKind } from "./kind.ts";
import { decodeTcObject, encodeTcDump, encodeTcRequest } from "./message.ts";
import { type MqClass, mqClass } from "./mq.ts";
import type { TcStatistics } from "./statistics.ts";
import {
  type ClassParent,
  encodeParent,
  formatHandle,
  RTM_DELTCLASS,
  RTM_GETTCLASS,
  RTM_NEWTCLASS,
  TC_H_ROOT,
  TC_H_UNSPEC,
} from "./tcmsg.ts";

type KnownClass = HtbClass | MqClass;

const codecs: CodecTable<KnownClass> = { htb: htbClass, mq: mqClass };

/** Where a class is. */
export interface ClassPlace<Link = number> {
  /** The link's index. */
  readonly link: Link;
  readonly parent: ClassParent;
  /** Its handle, whose major part names the qdisc: `tcHandle(1, 0x10)` is `1:10`. */
  readonly handle: number;
}

/** A class of a qdisc: place, kind and the kind's options. Plain data. */
export type ClassSpec<Link = number> = ClassPlace<Link> & (KnownClass | UnknownKind);

/** A class as the kernel reports it. */
export interface Class {
  readonly spec: ClassSpec;
  readonly statistics: TcStatistics;
  /** Handle of the qdisc in it, where it is a leaf and its qdisc has one. */
  readonly leaf?: number;
  /** What only its kind counts. */
  readonly application?: HtbClassStatistics;
}

/** The classes of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class Classes {
  readonly #client: NetlinkClient;

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  /** Every class of every qdisc of a link. */
  async list(link: number): Promise<readonly Class[]> {
    const place = { link, handle: TC_H_UNSPEC, parent: TC_H_UNSPEC, info: 0 };
    const request = encodeTcDump(RTM_GETTCLASS, place);
    return (await this.#client.dump(`list classes of link ${link}`, request, decodeClass)).entries;
  }

  /** Makes a class that is not there yet. */
  async add(spec: ClassSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(spec));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(spec: ClassSpec): Prepared<void> {
    return this.#prepare("add", spec, NLM_F_CREATE | NLM_F_EXCL);
  }

  /** Makes the class what is wanted: changes it in place or makes it. Packets that wait go on waiting. */
  async replace(spec: ClassSpec): Promise<void> {
    await this.#client.send(this.prepareReplace(spec));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(spec: ClassSpec): Prepared<void> {
    return this.#prepare("replace", spec, NLM_F_CREATE);
  }

  /** Changes a class in place. Packets that wait go on waiting. */
  async change(spec: ClassSpec): Promise<void> {
    await this.#client.send(this.prepareChange(spec));
  }

  /** `change`, to be sent with other requests. */
  prepareChange(spec: ClassSpec): Prepared<void> {
    return this.#prepare("change", spec, 0);
  }

  /** Removes a class with its leaf qdisc; EBUSY while other classes or filters use it. */
  async delete(place: ClassPlace): Promise<void> {
    await this.#client.send(this.prepareDelete(place));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(place: ClassPlace): Prepared<void> {
    const message = encodeTcRequest(RTM_DELTCLASS, 0, tcPlace(place));
    return this.#client.prepare(describe("delete", place), message, { key: String(place.link) }, () => {});
  }

  #prepare(verb: string, spec: ClassSpec, flags: number): Prepared<void> {
    const message = encodeClass(spec, flags);
    return this.#client.prepare(describe(verb, spec), message, { key: String(spec.link) }, () => {});
  }
}

/** The request that makes or changes a class; `flags` are the modifiers of a NEW. Throws InvalidValueError. */
export function encodeClass(spec: ClassSpec, flags: number): Uint8Array {
  return encodeTcRequest(RTM_NEWTCLASS, flags, tcPlace(spec), { kind: encodeKind(codecs, spec) });
}

/** Reads a class; undefined when the message is damaged. */
export function decodeClass(message: Message): Class | undefined {
  const object = decodeTcObject(message);
  if (object === undefined) return undefined;
  const { link, parent, handle, info } = object.place;
  const application =
    object.name === "htb" && object.application !== undefined
      ? decodeHtbClassStatistics(object.application)
      : undefined;
  const isTop = parent === TC_H_ROOT || (parent & 0xffff) === 0;
  return {
    spec: {
      link,
      parent: isTop ? "root" : parent,
      handle,
      ...decodeKind(codecs, object.name, object.options),
    },
    statistics: object.statistics,
    ...(info !== 0 && { leaf: info }),
    ...(application !== undefined && { application }),
  };
}

function tcPlace({ link, parent, handle }: ClassPlace) {
  return { link, parent: encodeParent(parent), handle, info: 0 };
}

function describe(verb: string, spec: ClassPlace | ClassSpec): string {
  const kind = "kind" in spec ? ` ${kindName(spec)}` : "";
  return `${verb} class${kind} ${formatHandle(spec.handle)} of link ${spec.link}`;
}
