import { isDeepStrictEqual } from "node:util";
import { EINVAL } from "../../errno.ts";
import { isErrno } from "../../netlink/error.ts";
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../../netlink/message.ts";
import type { NetlinkClient } from "../../worker/netlink-client.ts";
import type { Prepared } from "../../worker/prepared.ts";
import {
  decodeFqCodelStatistics,
  decodeFqStatistics,
  type FqCodelStatistics,
  type FqStatistics,
} from "./application.ts";
import { type BfifoQdisc, bfifo, type PfifoQdisc, pfifo } from "./fifo.ts";
import { type FqQdisc, fq } from "./fq.ts";
import { type FqCodelQdisc, fqCodel } from "./fq_codel.ts";
import { type HtbQdisc, htbQdisc } from "./htb.ts";
import { type ClsactQdisc, clsact, type IngressQdisc, ingress } from "./ingress.ts";
import {
  type CodecTable,
  decodeKind,
  encodeKind,
  kindName,
  type UnknownKind,
  withoutAbsent,
} from "./kind.ts";
import { decodeTcObject, encodeTcDump, encodeTcRequest } from "./message.ts";
import { type MqQdisc, mqQdisc } from "./mq.ts";
import { type NoqueueQdisc, noqueue } from "./noqueue.ts";
import { type PfifoFastQdisc, pfifoFast } from "./pfifo_fast.ts";
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

type KnownQdisc =
  | HtbQdisc
  | TbfQdisc
  | FqQdisc
  | FqCodelQdisc
  | PfifoQdisc
  | BfifoQdisc
  | PfifoFastQdisc
  | MqQdisc
  | NoqueueQdisc
  | IngressQdisc
  | ClsactQdisc;

const codecs: CodecTable<KnownQdisc> = {
  htb: htbQdisc,
  tbf,
  fq,
  fq_codel: fqCodel,
  pfifo,
  bfifo,
  pfifo_fast: pfifoFast,
  mq: mqQdisc,
  noqueue,
  ingress,
  clsact,
};

const applications = new Map<string, (bytes: Uint8Array) => QdiscApplication | undefined>([
  ["fq", decodeFqStatistics],
  ["fq_codel", decodeFqCodelStatistics],
]);

type QdiscApplication = FqStatistics | FqCodelStatistics;

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
  /** What only its kind counts, where it counts something. */
  readonly application?: QdiscApplication;
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
    const request = encodeTcDump(RTM_GETQDISC, place);
    const { entries } = await this.#client.dump(`list qdiscs of link ${link}`, request, decodeQdisc);
    // The kernel dumps the qdiscs of every link, whatever was asked for.
    return entries.filter(({ spec }) => spec.link === link);
  }

  /** Makes a qdisc where there is none. */
  async add(spec: QdiscSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(spec));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(spec: QdiscSpec): Prepared<void> {
    return this.#prepare("add", spec, NLM_F_CREATE | NLM_F_EXCL);
  }

  /**
   * Makes the qdisc what is wanted: changes it in place where it has the same handle and kind, puts it into
   * the place of another otherwise. Another kind needs another handle.
   */
  async replace(spec: QdiscSpec): Promise<void> {
    try {
      await this.#client.send(this.prepareReplace(spec));
    } catch (error) {
      if (!isErrno(error, EINVAL)) throw error;
      const standing = await this.#findStanding(spec);
      // HTB knows no change, and the kernel says EINVAL also when there is nothing to change.
      if (spec.kind === "htb" && standing !== undefined && isSameHtb(standing, spec)) return;
      // FQ-CoDel must not be told the number of its queues again, even when it stays the same.
      if (spec.kind === "fq_codel" && standing?.kind === "fq_codel" && standing.flows === spec.flows)
        return await this.change(spec);
      throw error;
    }
  }

  /**
   * `replace`, to be sent with other requests. It is refused (EINVAL) where an HTB stands already, and where an FQ-CoDel
   * does and the spec says how many flows it has.
   */
  prepareReplace(spec: QdiscSpec): Prepared<void> {
    return this.#prepare("replace", spec, NLM_F_CREATE | NLM_F_REPLACE);
  }

  /** Changes a qdisc in place, keeping what waits in it. */
  async change(spec: QdiscSpec): Promise<void> {
    await this.#client.send(this.prepareChange(spec));
  }

  /** `change`, to be sent with other requests. */
  prepareChange(spec: QdiscSpec): Prepared<void> {
    const told = spec.kind === "fq_codel" ? withoutAbsent({ ...spec, flows: undefined }) : spec;
    return this.#prepare("change", told, 0);
  }

  /** Removes a qdisc with everything under it. At `root` the kernel puts the link's default in its place. */
  async delete(place: QdiscPlace): Promise<void> {
    await this.#client.send(this.prepareDelete(place));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(place: QdiscPlace): Prepared<void> {
    const message = encodeTcRequest(RTM_DELQDISC, 0, tcPlace(place));
    return this.#client.prepare(describe("delete", place), message, { key: String(place.link) }, () => {});
  }

  #prepare(verb: string, spec: QdiscSpec, flags: number): Prepared<void> {
    const message = encodeQdisc(spec, flags);
    return this.#client.prepare(describe(verb, spec), message, { key: String(spec.link) }, () => {});
  }

  async #findStanding({ link, parent, handle }: QdiscSpec): Promise<QdiscSpec | undefined> {
    const all = (await this.list(link)).map(({ spec }) => spec);
    return all.find((spec) => spec.parent === parent && spec.handle === handle);
  }
}

function isSameHtb(standing: QdiscSpec, wanted: QdiscSpec & HtbQdisc): boolean {
  if (standing.kind !== "htb") return false;
  // How many packets wait unshaped the kernel chooses where it was not told.
  const { directQueueLength } = standing;
  return isDeepStrictEqual(standing, withoutAbsent({ directQueueLength, ...wanted }));
}

/** The request that makes or changes a qdisc; `flags` are the modifiers of a NEW. Throws InvalidValueError. */
export function encodeQdisc(spec: QdiscSpec, flags: number): Uint8Array {
  return encodeTcRequest(RTM_NEWQDISC, flags, tcPlace(spec), { kind: encodeKind(codecs, spec) });
}

/** Reads a qdisc; undefined when the message is damaged. */
export function decodeQdisc(message: Message): Qdisc | undefined {
  const object = decodeTcObject(message);
  if (object === undefined) return undefined;
  const { link, parent, handle } = object.place;
  const application = object.application && applications.get(object.name)?.(object.application);
  return {
    spec: {
      link,
      parent: decodeParent(parent, object.name),
      handle,
      ...decodeKind(codecs, object.name, object.options),
    },
    statistics: object.statistics,
    ...(application !== undefined && { application }),
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
