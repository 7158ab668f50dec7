import { AttributeReader } from "../../netlink/attribute.ts";
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from "../../netlink/message.ts";
import { wholeNumber } from "../../whole-number.ts";
import type { NetlinkClient } from "../../worker/netlink-client.ts";
import type { Prepared } from "../../worker/prepared.ts";
import { readActionStatistics } from "./action.ts";
import { type BpfFilter, bpf, TCA_BPF_ACT, TCA_BPF_FLAGS_GEN } from "./bpf.ts";
import { type FlowerFilter, flower, TCA_FLOWER_ACT, TCA_FLOWER_FLAGS } from "./flower.ts";
import { isInHardware, REPORTED_FLAGS } from "./hardware.ts";
import {
  type CodecTable,
  decodeKind,
  type EncodedKind,
  encodeKind,
  kindName,
  type UnknownKind,
} from "./kind.ts";
import { type MatchallFilter, matchall, TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS } from "./matchall.ts";
import { decodeTcObject, encodeTcDump, encodeTcRequest } from "./message.ts";
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
import { isU32Table, TCA_U32_ACT, TCA_U32_FLAGS, type U32Filter, u32 } from "./u32.ts";

/** Every protocol (include/uapi/linux/if_ether.h). */
const ETH_P_ALL = 0x0003;
/** A chain has 28 bits, because the action that goes to it has no more (TC_ACT_EXT_VAL_MASK). */
const MOST_CHAIN = 0x0fffffff;

type KnownFilter<Link = number> =
  | U32Filter<Link>
  | MatchallFilter<Link>
  | FlowerFilter<Link>
  | BpfFilter<Link>;

const codecs: CodecTable<KnownFilter> = { u32, matchall, flower, bpf };

/** Which attributes of a kind list its actions, for their statistics, and say where the filter runs. */
const commonAttributes = new Map([
  ["u32", { actions: TCA_U32_ACT, flags: TCA_U32_FLAGS }],
  ["matchall", { actions: TCA_MATCHALL_ACT, flags: TCA_MATCHALL_FLAGS }],
  ["flower", { actions: TCA_FLOWER_ACT, flags: TCA_FLOWER_FLAGS }],
  ["bpf", { actions: TCA_BPF_ACT, flags: TCA_BPF_FLAGS_GEN }],
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
  /** The chain it is in; packets begin in chain 0, which is meant when absent, and go to others by an action. */
  readonly chain?: number;
}

/** A filter: place, kind and the kind's options. Plain data. */
export type FilterSpec<Link = number> = FilterPlace<Link> & (KnownFilter<Link> | UnknownKind);

/** A filter as the kernel reports it. */
export interface Filter {
  readonly spec: FilterSpec;
  /** Of its first action; all 0 for a filter without one. */
  readonly statistics: TcStatistics;
  /** Of each of its actions. */
  readonly actionStatistics: readonly TcStatistics[];
  /** A card has taken it. */
  readonly isInHardware: boolean;
}

/** The filters of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class Filters {
  readonly #client: NetlinkClient;

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  /** Every filter at one place of a link, in all its chains. */
  async list(link: number, parent: FilterParent): Promise<readonly Filter[]> {
    const place = { link, handle: TC_H_UNSPEC, parent: encodeFilterParent(parent), info: 0 };
    const request = encodeTcDump(RTM_GETTFILTER, place);
    const operation = `list filters at ${describeParent(parent)} of link ${link}`;
    return (await this.#client.dump(operation, request, decodeFilter)).entries;
  }

  /** Makes a filter that is not there yet. */
  async add(spec: FilterSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(spec));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(spec: FilterSpec): Prepared<void> {
    return this.#prepare("add", spec, NLM_F_CREATE | NLM_F_EXCL);
  }

  /**
   * Makes the filter what is wanted. A spec with a handle changes that filter in place (but for `matchall`,
   * which the kernel cannot change: EEXIST); without one there will be one filter more.
   */
  async replace(spec: FilterSpec): Promise<void> {
    await this.#client.send(this.prepareReplace(spec));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(spec: FilterSpec): Prepared<void> {
    return this.#prepare("replace", spec, NLM_F_CREATE);
  }

  /** Changes a filter in place. */
  async change(spec: FilterSpec): Promise<void> {
    await this.#client.send(this.prepareChange(spec));
  }

  /** `change`, to be sent with other requests. */
  prepareChange(spec: FilterSpec): Prepared<void> {
    return this.#prepare("change", spec, 0);
  }

  /** Removes one filter, or all of its priority when no handle is given. */
  async delete(place: FilterPlace): Promise<void> {
    await this.#client.send(this.prepareDelete(place));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(place: FilterPlace): Prepared<void> {
    const message = encodeTcRequest(RTM_DELTFILTER, 0, tcPlace(place), { chain: place.chain });
    return this.#client.prepare(describe("delete", place), message, { key: String(place.link) }, () => {});
  }

  #prepare(verb: string, spec: FilterSpec, flags: number): Prepared<void> {
    const message = encodeFilter(spec, flags);
    return this.#client.prepare(describe(verb, spec), message, { key: String(spec.link) }, () => {});
  }
}

/** The request that makes or changes a filter; `flags` are the modifiers of a NEW. Throws InvalidValueError. */
export function encodeFilter(spec: FilterSpec, flags: number): Uint8Array {
  const { chain } = spec;
  if (chain !== undefined) wholeNumber("chain of a filter", chain, 0, MOST_CHAIN);
  return encodeTcRequest(RTM_NEWTFILTER, flags, tcPlace(spec), { kind: encodeOptions(spec), chain });
}

/** Options that are kept as they came are told back without what only the kernel may say in them. */
function encodeOptions(spec: FilterSpec): EncodedKind {
  const encoded = encodeKind(codecs, spec);
  if (spec.kind !== "unknown" || encoded.payload === undefined) return encoded;
  const flags = commonAttributes.get(encoded.name)?.flags;
  for (const { type, payload } of new AttributeReader(encoded.payload).entries()) {
    const [lowest] = payload;
    if (type === flags && lowest !== undefined) payload[0] = lowest & ~REPORTED_FLAGS;
  }
  return encoded;
}

/** Reads a filter; undefined for a damaged message and for what is only a container of filters. */
export function decodeFilter(message: Message): Filter | undefined {
  const object = decodeTcObject(message);
  // Handle 0 is the list of one priority itself, reported before its filters.
  if (object === undefined || object.place.handle === 0) return undefined;
  if (object.name === "u32" && object.options !== undefined && isU32Table(object.options)) return undefined;
  const { link, parent, handle, info } = object.place;
  const protocol = swap16(info & 0xffff);
  const common = commonAttributes.get(object.name);
  const options = new AttributeReader(object.options ?? new Uint8Array());
  const actionStatistics = common === undefined ? [] : readActionStatistics(options.bytes(common.actions));
  return {
    spec: {
      link,
      parent: decodeFilterParent(parent),
      priority: info >>> 16,
      protocol: protocol === ETH_P_ALL ? "all" : protocol,
      handle,
      ...(object.chain !== undefined && object.chain !== 0 && { chain: object.chain }),
      ...decodeKind(codecs, object.name, object.options),
    },
    statistics: actionStatistics[0] ?? NO_STATISTICS,
    actionStatistics,
    isInHardware: common !== undefined && isInHardware(options.u32(common.flags)),
  };
}

function tcPlace({ link, parent, priority, protocol, handle }: FilterPlace) {
  const order = wholeNumber("priority of a filter", priority, 0, 0xffff);
  const type = wholeNumber("protocol of a filter", protocol === "all" ? ETH_P_ALL : protocol, 0, 0xffff);
  const info = ((order << 16) | swap16(type)) >>> 0;
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
