import { AttributeReader, decodeText } from "../netlink/attribute.ts";
import type { Message } from "../netlink/message.ts";
import { AF_UNSPEC, formatMac } from "./ip.ts";
import { decodeKind } from "./kinds/kinds.ts";
import * as attr from "./link-attributes.ts";
import { decodePort } from "./ports.ts";

/** Operational states (RFC 2863; IF_OPER_*, include/uapi/linux/if.h), in the kernel's order. */
const OPER_STATES = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"] as const;

/** GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS (include/linux/netdevice.h): what holds where a kernel tells nothing. */
const LEGACY_MAX_SIZE = 65_536;
const MAX_SEGMENTS = 65_535;

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
  /** Somebody asked for it by a flag; `promiscuity` counts everybody. */
  readonly isPromiscuous: boolean;
  readonly isAllMulticast: boolean;
  /** How many, the kernel's own parts included, want the link to take every packet, and every multicast packet. */
  readonly promiscuity: number;
  readonly allMulticast: number;
  /** Held down for a protocol's sake. */
  readonly isProtocolDown: boolean;
  readonly operState: OperState;
  /** How often its carrier came, and how often it went. */
  readonly carrierUps: number;
  readonly carrierDowns: number;
  /** Bytes. */
  readonly mtu: number;
  /** The least and the most the MTU can be, in bytes; 0 where nothing limits it. */
  readonly minMtu: number;
  readonly maxMtu: number;
  /** Empty for a link without a link-layer address. */
  readonly mac: string;
  readonly permanentMac: string | undefined;
  /** A text somebody gave it. */
  readonly alias: string | undefined;
  /** Number by which links are treated together. */
  readonly group: number;
  /** Index of the bridge, bond or VRF it belongs to. */
  readonly master: number | undefined;
  /** Kind of what it belongs to. */
  readonly portKind: string | undefined;
  /** How it stands in the bridge (`BridgePortSettings`) or bond (`BondPort`) it belongs to. */
  readonly portData: Readonly<Record<string, unknown>> | undefined;
  /** Index of the link it stands on, or of a veth's peer, in the namespace `parentNamespaceId`. */
  readonly parent: number | undefined;
  /** Namespace id of `parent` where it is another namespace. */
  readonly parentNamespaceId: number | undefined;
  /** What the link is a port of, in the driver's words: `p0` or `pf0vf3`. */
  readonly physicalPortName: string | undefined;
  /** Hexadecimal; the same for links by one port. */
  readonly physicalPortId: string | undefined;
  /** Hexadecimal; the same for the ports of one switch. */
  readonly physicalSwitchId: string | undefined;
  /** The device the link is of: `{ bus: "pci", name: "0000:86:00.1" }`. */
  readonly device: { readonly bus: string; readonly name: string } | undefined;
  readonly transmitQueues: number;
  readonly receiveQueues: number;
  /** Packets. */
  readonly transmitQueueLength: number;
  /** Largest packet handed to the link before segmentation, in bytes. */
  readonly gsoMaxSize: number;
  /** The same for IPv4; told by kernels from 6.3 on, and `gsoMaxSize` before. */
  readonly gsoIpv4MaxSize: number;
  /** The most segments such a packet may become. */
  readonly gsoMaxSegments: number;
  /** Largest packet that received ones are put together to, in bytes. */
  readonly groMaxSize: number;
  /** The same for IPv4; told by kernels from 6.3 on, and `groMaxSize` before. */
  readonly groIpv4MaxSize: number;
  /** The most the link's driver can be handed before segmentation, in bytes and segments. */
  readonly tsoMaxSize: number;
  readonly tsoMaxSegments: number;
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
  const portKind = info?.string(attr.IFLA_INFO_SLAVE_KIND);
  const portData = info?.nested(attr.IFLA_INFO_SLAVE_DATA);
  const gsoMaxSize = attributes.u32(attr.IFLA_GSO_MAX_SIZE) ?? LEGACY_MAX_SIZE;
  const groMaxSize = attributes.u32(attr.IFLA_GRO_MAX_SIZE) ?? LEGACY_MAX_SIZE;
  return {
    index,
    name: attributes.string(attr.IFLA_IFNAME) ?? "",
    altNames: readAltNames(attributes),
    kind,
    kindData: kind === undefined || data === undefined ? undefined : decodeKind(kind, data),
    isUp: (flags & attr.IFF_UP) !== 0,
    isLoopback: (flags & attr.IFF_LOOPBACK) !== 0,
    hasCarrier: (flags & attr.IFF_LOWER_UP) !== 0,
    isPromiscuous: (flags & attr.IFF_PROMISC) !== 0,
    isAllMulticast: (flags & attr.IFF_ALLMULTI) !== 0,
    promiscuity: attributes.u32(attr.IFLA_PROMISCUITY) ?? 0,
    allMulticast: attributes.u32(attr.IFLA_ALLMULTI) ?? 0,
    isProtocolDown: attributes.u8(attr.IFLA_PROTO_DOWN) === 1,
    operState: OPER_STATES[attributes.u8(attr.IFLA_OPERSTATE) ?? 0] ?? "unknown",
    carrierUps: attributes.u32(attr.IFLA_CARRIER_UP_COUNT) ?? 0,
    carrierDowns: attributes.u32(attr.IFLA_CARRIER_DOWN_COUNT) ?? 0,
    mtu: attributes.u32(attr.IFLA_MTU) ?? 0,
    minMtu: attributes.u32(attr.IFLA_MIN_MTU) ?? 0,
    maxMtu: attributes.u32(attr.IFLA_MAX_MTU) ?? 0,
    mac: formatMac(attributes.bytes(attr.IFLA_ADDRESS) ?? new Uint8Array()),
    permanentMac: permanent === undefined ? undefined : formatMac(permanent),
    alias: attributes.string(attr.IFLA_IFALIAS),
    group: attributes.u32(attr.IFLA_GROUP) ?? 0,
    master: attributes.u32(attr.IFLA_MASTER),
    portKind,
    portData: portKind === undefined || portData === undefined ? undefined : decodePort(portKind, portData),
    parent: attributes.u32(attr.IFLA_LINK),
    parentNamespaceId: attributes.i32(attr.IFLA_LINK_NETNSID),
    physicalPortName: attributes.string(attr.IFLA_PHYS_PORT_NAME),
    physicalPortId: readHexadecimal(attributes.bytes(attr.IFLA_PHYS_PORT_ID)),
    physicalSwitchId: readHexadecimal(attributes.bytes(attr.IFLA_PHYS_SWITCH_ID)),
    device: readDevice(attributes),
    transmitQueues: attributes.u32(attr.IFLA_NUM_TX_QUEUES) ?? 1,
    receiveQueues: attributes.u32(attr.IFLA_NUM_RX_QUEUES) ?? 1,
    transmitQueueLength: attributes.u32(attr.IFLA_TXQLEN) ?? 0,
    gsoMaxSize,
    gsoIpv4MaxSize: attributes.u32(attr.IFLA_GSO_IPV4_MAX_SIZE) ?? gsoMaxSize,
    gsoMaxSegments: attributes.u32(attr.IFLA_GSO_MAX_SEGS) ?? MAX_SEGMENTS,
    groMaxSize,
    groIpv4MaxSize: attributes.u32(attr.IFLA_GRO_IPV4_MAX_SIZE) ?? groMaxSize,
    tsoMaxSize: attributes.u32(attr.IFLA_TSO_MAX_SIZE) ?? LEGACY_MAX_SIZE,
    tsoMaxSegments: attributes.u32(attr.IFLA_TSO_MAX_SEGS) ?? MAX_SEGMENTS,
    statistics: statistics === undefined ? undefined : decodeStatistics(statistics),
  };
}

function readHexadecimal(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

function readDevice(attributes: AttributeReader): Link["device"] {
  const name = attributes.string(attr.IFLA_PARENT_DEV_NAME);
  if (name === undefined) return undefined;
  return { bus: attributes.string(attr.IFLA_PARENT_DEV_BUS_NAME) ?? "", name };
}

function readAltNames(attributes: AttributeReader): string[] {
  const list = attributes.bytes(attr.IFLA_PROP_LIST);
  if (list === undefined) return [];
  return new AttributeReader(list)
    .entries()
    .filter(({ type }) => type === attr.IFLA_ALT_IFNAME)
    .map(({ payload }) => decodeText(payload));
}

/** The first eight of the 64-bit counters, in the order of struct rtnl_link_stats64. */
function decodeStatistics(bytes: Uint8Array): LinkStatistics | undefined {
  if (bytes.length < 64) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Two halves, because a bigint each costs more than all the rest; exact up to 2^53.
  const counter = (position: number) =>
    view.getUint32(position * 8, true) + view.getUint32(position * 8 + 4, true) * 0x1_0000_0000;
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
