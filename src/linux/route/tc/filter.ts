import { AttributeReader } from "../../netlink/attribute.ts";
import type { NetlinkClient } from "../../netlink/client.ts";
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../../netlink/message.ts";
import { readActionStatistics } from "./action.ts";
import { type CodecTable, decodeKind, encodeKind, kindName, type UnknownKind } from "./kind.ts";
import { type MatchallFilter, matchall, TCA_MATCHALL_ACT } from "./matchall.ts";
import { decodeTcObject, encodeTcRequest } from "./message.ts";
import { NO_STATISTICS, type TcStatistics } from "./statistics.ts";
import {
  decodeFilterParent,
  encodeFilterParent,
  type FilterParent,
  formatHandle,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
  RTM_NEWTFILTER,
  TC_H_UNSPEC,
} from "./tcmsg.ts";
import { isU32Table, TCA_U32_ACT, type U32Filter, u32 } from "./u32.ts";

/** Every protocol (include/uapi/linux/if_ether.h). */
const ETH_P_ALL = 0x0003;

type KnownFilter<Link = number> = U32Filter<Link> | MatchallFilter<Link>;

const codecs: CodecTable<KnownFilter> = { u32, matchall };

/** Which attribute of a kind lists its actions, for their statistics. */
const actionAttributes = new Map<string, number>([
  ["u32", TCA_U32_ACT],
  ["matchall", TCA_MATCHALL_ACT],
]);

/** Where a filter is. */
export interface FilterPlace<Link = number> {
  /** The link's index. */
  readonly link: Link;
  readonly parent: FilterParent;
  /** Its place in the order, 1 first; all filters of one priority are of one kind and protocol. */
  readonly priority: number;
  /** Ethernet protocol number, for example 0x0800, or all of them. */
  readonly protocol: "all" | number;
  /** Which filter of its priority, as its kind counts; the kernel chooses when absent. */
  readonly handle?: number;
}

/** A filter: place, kind and the kind's options. Plain data. */
export type FilterSpec<Link = number> = FilterPlace<Link> & (KnownFilter<Link> | UnknownKind);

/** A filter as the kernel reports it. */
export interface Filter {
  readonly spec: FilterSpec;
  /** Of its first action; all 0 for a filter without one. */
  readonly statistics: TcStatistics;
}

/** The filters of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class Filters {
  readonly #client: NetlinkClient;

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  /** Every filter at one place of a link. */
  async list(link: number, parent: FilterParent): Promise<readonly Filter[]> {
    const place = { link, handle: TC_H_UNSPEC, parent: encodeFilterParent(parent), info: 0 };
    const request = encodeTcRequest(RTM_GETTFILTER, NLM_F_DUMP, place);
    const { messages } = await this.#client.dump(
      `list filters at ${describeParent(parent)} of link ${link}`,
      request,
    );
    return messages.map(decodeFilter).filter((found) => found !== undefined);
  }

  /** Makes a filter that is not there yet. */
  async add(spec: FilterSpec): Promise<void> {
    await this.#send("add", spec, NLM_F_CREATE | NLM_F_EXCL);
  }

  /**
   * Makes the filter what is wanted. A spec with a handle changes that filter in place (but for `matchall`,
   * which the kernel cannot change: EEXIST); without one there will be one filter more.
   */
  async replace(spec: FilterSpec): Promise<void> {
    await this.#send("replace", spec, NLM_F_CREATE);
  }

  /** Changes a filter in place. */
  async change(spec: FilterSpec): Promise<void> {
    await this.#send("change", spec, 0);
  }

  /** Removes one filter, or all of its priority when no handle is given. */
  async delete(place: FilterPlace): Promise<void> {
    const message = encodeTcRequest(RTM_DELTFILTER, 0, tcPlace(place));
    await this.#client.request(describe("delete", place), message, { key: String(place.link) });
  }

  async #send(verb: string, spec: FilterSpec, flags: number): Promise<void> {
    await this.#client.request(describe(verb, spec), encodeFilter(spec, flags), { key: String(spec.link) });
  }
}

/** The request that makes or changes a filter; `flags` are the modifiers of a NEW. */
export function encodeFilter(spec: FilterSpec, flags: number): Uint8Array {
  return encodeTcRequest(RTM_NEWTFILTER, flags, tcPlace(spec), encodeKind(codecs, spec));
}

/** Reads a filter; undefined for a damaged message and for what is only a container of filters. */
export function decodeFilter(message: Message): Filter | undefined {
  const object = decodeTcObject(message);
  // Handle 0 is the list of one priority itself, reported before its filters.
  if (object === undefined || object.place.handle === 0) return undefined;
  if (object.name === "u32" && object.options !== undefined && isU32Table(object.options)) return undefined;
  const { link, parent, handle, info } = object.place;
  const protocol = swap16(info & 0xffff);
  const actions = actionAttributes.get(object.name);
  const list =
    actions === undefined
      ? undefined
      : new AttributeReader(object.options ?? new Uint8Array()).bytes(actions);
  return {
    spec: {
      link,
      parent: decodeFilterParent(parent),
      priority: info >>> 16,
      protocol: protocol === ETH_P_ALL ? "all" : protocol,
      handle,
      ...decodeKind(codecs, object.name, object.options),
    },
    statistics: readActionStatistics(list) ?? NO_STATISTICS,
  };
}

function tcPlace({ link, parent, priority, protocol, handle }: FilterPlace) {
  const info = ((priority << 16) | swap16(protocol === "all" ? ETH_P_ALL : protocol)) >>> 0;
  return { link, parent: encodeFilterParent(parent), handle: handle ?? TC_H_UNSPEC, info };
}

/** Between host and network order. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function describe(verb: string, filter: FilterPlace | FilterSpec): string {
  const kind = "kind" in filter ? ` ${kindName(filter)}` : "";
  const place = `at ${describeParent(filter.parent)} of link ${filter.link}`;
  return `${verb} filter${kind} of priority ${filter.priority} ${place}`;
}

function describeParent(parent: FilterParent): string {
  return typeof parent === "number" ? formatHandle(parent) : parent;
}
