import { EINVAL } from "../../errno.ts";
import type { NetlinkClient } from "../../netlink/client.ts";
import { isErrno } from "../../netlink/error.ts";
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE } from "../../netlink/message.ts";
import { type BfifoQdisc, bfifo, type PfifoQdisc, pfifo } from "./fifo.ts";
import { type FqCodelQdisc, fqCodel } from "./fq_codel.ts";
import { type HtbQdisc, htbQdisc } from "./htb.ts";
import { type ClsactQdisc, clsact, type IngressQdisc, ingress } from "./ingress.ts";
import { type CodecTable, decodeKind, encodeKind, kindName, type UnknownKind } from "./kind.ts";
import { decodeTcObject, encodeTcRequest } from "./message.ts";
import type { TcStatistics } from "./statistics.ts";
import { type TbfQdisc, tbf } from "./tbf.ts";
import {
  decodeParent,
  encodeParent,
  formatHandle,
  INGRESS_HANDLE,
  type QdiscParent,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWQDISC,
  TC_H_UNSPEC,
} from "./tcmsg.ts";

type KnownQdisc = HtbQdisc | TbfQdisc | PfifoQdisc | BfifoQdisc | FqCodelQdisc | IngressQdisc | ClsactQdisc;

const codecs: CodecTable<KnownQdisc> = {
  htb: htbQdisc,
  tbf,
  pfifo,
  bfifo,
  fq_codel: fqCodel,
  ingress,
  clsact,
};

/** Where a qdisc is. */
export interface QdiscPlace<Link = number> {
  /** The link's index. */
  readonly link: Link;
  readonly parent: QdiscParent;
  /** Its handle as the kernel's 32-bit number (`tcHandle(1)` is `1:`); the kernel chooses when absent. */
  readonly handle?: number;
}

/** A queueing discipline: place, kind and the kind's options. Plain data. */
export type QdiscSpec<Link = number> = QdiscPlace<Link> & (KnownQdisc | UnknownKind);

/** A qdisc as the kernel reports it. */
export interface Qdisc {
  readonly spec: QdiscSpec;
  readonly statistics: TcStatistics;
}

/** The queueing disciplines of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class Qdiscs {
  readonly #client: NetlinkClient;

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  /** Every qdisc of a link; also the ones the kernel attached by itself, such as `noqueue`. */
  async list(link: number): Promise<readonly Qdisc[]> {
    const place = { link, handle: TC_H_UNSPEC, parent: TC_H_UNSPEC, info: 0 };
    const request = encodeTcRequest(RTM_GETQDISC, NLM_F_DUMP, place);
    const { messages } = await this.#client.dump(`list qdiscs of link ${link}`, request);
    // The kernel dumps the qdiscs of every link, whatever was asked for.
    return messages
      .map(decodeQdisc)
      .filter((qdisc) => qdisc !== undefined && qdisc.spec.link === link) as Qdisc[];
  }

  /** Makes a qdisc where there is none. */
  async add(spec: QdiscSpec): Promise<void> {
    await this.#send("add", spec, NLM_F_CREATE | NLM_F_EXCL);
  }

  /**
   * Makes the qdisc what is wanted: changes it in place where it has the same handle and kind, puts it into
   * the place of another otherwise. Another kind needs another handle.
   */
  async replace(spec: QdiscSpec): Promise<void> {
    try {
      await this.#send("replace", spec, NLM_F_CREATE | NLM_F_REPLACE);
    } catch (error) {
      // HTB knows no change, and the kernel says EINVAL also when there is nothing to change.
      if (spec.kind === "htb" && isErrno(error, EINVAL) && (await this.#stands(spec))) return;
      throw error;
    }
  }

  /** Changes a qdisc in place, keeping what waits in it. */
  async change(spec: QdiscSpec): Promise<void> {
    await this.#send("change", spec, 0);
  }

  /** Removes a qdisc with everything under it. At `root` the kernel puts the link's default in its place. */
  async delete(place: QdiscPlace): Promise<void> {
    const message = encodeTcRequest(RTM_DELQDISC, 0, tcPlace(place));
    await this.#client.request(describe("delete", place), message, { key: String(place.link) });
  }

  async #send(verb: string, spec: QdiscSpec, flags: number): Promise<void> {
    await this.#client.request(describe(verb, spec), encodeQdisc(spec, flags), { key: String(spec.link) });
  }

  async #stands(wanted: QdiscSpec & HtbQdisc): Promise<boolean> {
    const found = (await this.list(wanted.link)).find(({ spec }) => spec.handle === wanted.handle)?.spec;
    if (found?.kind !== "htb" || found.parent !== wanted.parent) return false;
    const queueLength = wanted.directQueueLength ?? found.directQueueLength;
    return found.default === wanted.default && found.directQueueLength === queueLength;
  }
}

/** The request that makes or changes a qdisc; `flags` are the modifiers of a NEW. */
export function encodeQdisc(spec: QdiscSpec, flags: number): Uint8Array {
  return encodeTcRequest(RTM_NEWQDISC, flags, tcPlace(spec), encodeKind(codecs, spec));
}

/** Reads a qdisc; undefined when the message is damaged. */
export function decodeQdisc(message: Message): Qdisc | undefined {
  const object = decodeTcObject(message);
  if (object === undefined) return undefined;
  const { link, parent, handle } = object.place;
  return {
    spec: {
      link,
      parent: decodeParent(parent, object.name),
      handle,
      ...decodeKind(codecs, object.name, object.options),
    },
    statistics: object.statistics,
  };
}

function tcPlace({ link, parent, handle }: QdiscPlace) {
  const isIngress = parent === "ingress" || parent === "clsact";
  const chosen = isIngress ? INGRESS_HANDLE : (handle ?? TC_H_UNSPEC);
  return { link, parent: encodeParent(parent), handle: chosen, info: 0 };
}

function describe(verb: string, qdisc: QdiscPlace | QdiscSpec): string {
  const kind = "kind" in qdisc ? ` ${kindName(qdisc)}` : "";
  const parent = typeof qdisc.parent === "number" ? formatHandle(qdisc.parent) : qdisc.parent;
  const handle = qdisc.handle === undefined ? "" : ` ${formatHandle(qdisc.handle)}`;
  return `${verb} qdisc${kind}${handle} at ${parent} of link ${qdisc.link}`;
}
