import { AttributeReader } from "../netlink/attribute.ts";
import type { Message } from "../netlink/message.ts";
import { AF_UNSPEC, formatMac } from "./ip.ts";
import { decodeKind } from "./kinds/kinds.ts";
import * as attr from "./link-attributes.ts";

/** Operational states (RFC 2863; IF_OPER_*, include/uapi/linux/if.h), in the kernel's order. */
const OPER_STATES = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"] as const;

export type OperState = (typeof OPER_STATES)[number];

/** Counters of a link, seen from the link (struct rtnl_link_stats64). Bytes include the Ethernet header. */
export interface LinkStatistics {
  readonly receivePackets: number;
  readonly transmitPackets: number;
  readonly receiveBytes: number;
  readonly transmitBytes: number;
  readonly receiveErrors: number;
  readonly transmitErrors: number;
  readonly receiveDrops: number;
  readonly transmitDrops: number;
}

/** One link as the kernel tells it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly altNames: readonly string[];
  /** Kind of a virtual link (`veth`, `macvlan`); undefined for hardware and loopback. */
  readonly kind: string | undefined;
  /** The kind's own attributes, where they are known here. */
  readonly kindData: Readonly<Record<string, unknown>> | undefined;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  readonly hasCarrier: boolean;
  readonly operState: OperState;
  /** Bytes. */
  readonly mtu: number;
  /** Empty for a link without a link-layer address. */
  readonly mac: string;
  readonly permanentMac: string | undefined;
  /** Index of the bridge, bond or VRF it belongs to. */
  readonly master: number | undefined;
  /** Index of the link it stands on, or of a veth's peer, in the namespace `parentNamespaceId`. */
  readonly parent: number | undefined;
  /** Namespace id of `parent` where it is another namespace. */
  readonly parentNamespaceId: number | undefined;
  readonly transmitQueues: number;
  /** Packets. */
  readonly transmitQueueLength: number;
  /** Largest packet handed to the link before segmentation, in bytes. */
  readonly gsoMaxSize: number;
  /** The most the link's driver can be handed before segmentation, in bytes. */
  readonly tsoMaxSize: number;
  /** Undefined where the kernel tells none. */
  readonly statistics: LinkStatistics | undefined;
}

/**
 * Reads the struct ifinfomsg of an RTM_NEWLINK or RTM_DELLINK; undefined when it is too short, or tells of
 * something else in the same form: a bridge announces its ports so (family AF_BRIDGE, net/bridge/br_netlink.c),
 * and the "end" of a port is not the end of the link.
 */
export function readLinkHeader(payload: Message["payload"]): { index: number; flags: number } | undefined {
  if (payload.length < attr.INTERFACE_HEADER_SIZE || payload[0] !== AF_UNSPEC) return undefined;
  const header = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { index: header.getInt32(4, true), flags: header.getUint32(8, true) };
}

/** Reads an RTM_NEWLINK or RTM_DELLINK; undefined when it is none (see `readLinkHeader`). */
export function decodeLink(payload: Message["payload"]): Link | undefined {
  const header = readLinkHeader(payload);
  if (header === undefined) return undefined;
  const { index, flags } = header;
  const attributes = new AttributeReader(payload.subarray(attr.INTERFACE_HEADER_SIZE));
  const info = attributes.nested(attr.IFLA_LINKINFO);
  const kind = info?.string(attr.IFLA_INFO_KIND);
  const data = info?.nested(attr.IFLA_INFO_DATA);
  const permanent = attributes.bytes(attr.IFLA_PERM_ADDRESS);
  const statistics = attributes.bytes(attr.IFLA_STATS64);
  return {
    index,
    name: attributes.string(attr.IFLA_IFNAME) ?? "",
    altNames: readAltNames(attributes),
    kind,
    kindData: kind === undefined || data === undefined ? undefined : decodeKind(kind, data),
    isUp: (flags & attr.IFF_UP) !== 0,
    isLoopback: (flags & attr.IFF_LOOPBACK) !== 0,
    hasCarrier: (flags & attr.IFF_LOWER_UP) !== 0,
    operState: OPER_STATES[attributes.u8(attr.IFLA_OPERSTATE) ?? 0] ?? "unknown",
    mtu: attributes.u32(attr.IFLA_MTU) ?? 0,
    mac: formatMac(attributes.bytes(attr.IFLA_ADDRESS) ?? new Uint8Array()),
    permanentMac: permanent === undefined ? undefined : formatMac(permanent),
    master: attributes.u32(attr.IFLA_MASTER),
    parent: attributes.u32(attr.IFLA_LINK),
    parentNamespaceId: attributes.i32(attr.IFLA_LINK_NETNSID),
    transmitQueues: attributes.u32(attr.IFLA_NUM_TX_QUEUES) ?? 1,
    transmitQueueLength: attributes.u32(attr.IFLA_TXQLEN) ?? 0,
    gsoMaxSize: attributes.u32(attr.IFLA_GSO_MAX_SIZE) ?? 65536,
    tsoMaxSize: attributes.u32(attr.IFLA_TSO_MAX_SIZE) ?? 65536,
    statistics: statistics === undefined ? undefined : decodeStatistics(statistics),
  };
}

function readAltNames(attributes: AttributeReader): string[] {
  const list = attributes.bytes(attr.IFLA_PROP_LIST);
  if (list === undefined) return [];
  const names: string[] = [];
  for (const entry of new AttributeReader(list).entries()) {
    if (entry.type !== attr.IFLA_ALT_IFNAME) continue;
    const zero = entry.payload.indexOf(0);
    names.push(new TextDecoder().decode(zero < 0 ? entry.payload : entry.payload.subarray(0, zero)));
  }
  return names;
}

/** The first eight of the 64-bit counters, in the order of struct rtnl_link_stats64. */
function decodeStatistics(bytes: Uint8Array): LinkStatistics | undefined {
  if (bytes.length < 64) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counter = (position: number) => Number(view.getBigUint64(position * 8, true));
  return {
    receivePackets: counter(0),
    transmitPackets: counter(1),
    receiveBytes: counter(2),
    transmitBytes: counter(3),
    receiveErrors: counter(4),
    transmitErrors: counter(5),
    receiveDrops: counter(6),
    transmitDrops: counter(7),
  };
}
