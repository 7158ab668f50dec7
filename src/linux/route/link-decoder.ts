import {
  ATTRIBUTE_HEADER_SIZE,
  AttributeReader,
  align4,
  decodeText,
  NLA_TYPE_MASK,
  readText,
} from "../netlink/attribute.ts";
import type { Message } from "../netlink/message.ts";
import { memoryOf } from "../netlink/view.ts";
import { AF_UNSPEC, readMac } from "./ip.ts";
import { decodeKind } from "./kinds/kinds.ts";
import { type Link, type LinkStatistics, OPER_STATES, type OperState } from "./link.ts";
import * as attr from "./link-attributes.ts";
import { decodePort } from "./ports.ts";

/** GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS (include/linux/netdevice.h): what holds where a kernel tells nothing. */
const LEGACY_MAX_SIZE = 65_536;
const MAX_SEGMENTS = 65_535;

/**
 * Reads the struct ifinfomsg of an RTM_NEWLINK or RTM_DELLINK; undefined when it is too short, or tells of
 * something else in the same form: a bridge announces its ports so (family AF_BRIDGE, net/bridge/br_netlink.c),
 * and the "end" of a port is not the end of the link.
 */
export function readLinkHeader(payload: Message["payload"]): { index: number; flags: number } | undefined {
  if (!isLink(payload)) return undefined;
  return readHeader(memoryOf(payload), payload.byteOffset);
}

function isLink(payload: Message["payload"]): boolean {
  return payload.length >= attr.INTERFACE_HEADER_SIZE && payload[0] === AF_UNSPEC;
}

function readHeader(memory: DataView, at: number): { index: number; flags: number } {
  return { index: memory.getInt32(at + 4, true), flags: memory.getUint32(at + 8, true) };
}

/**
 * Reads an RTM_NEWLINK or RTM_DELLINK; undefined when it is none (see `readLinkHeader`).
 *
 * Links are what is read most, each announcement is one and a dump has one for every pod: so this goes through the
 * attributes once, where `AttributeReader` would first find and then look up each of them. The numbers are written out
 * because V8 makes a table of a switch over literals alone, and asks for one constant after the other otherwise; a test
 * holds them beside their names.
 */
export function decodeLink(payload: Message["payload"]): Link | undefined {
  if (!isLink(payload)) return undefined;
  const memory = memoryOf(payload);
  const start = payload.byteOffset;
  const end = start + payload.length;
  const { index, flags } = readHeader(memory, start);
  let name = "";
  let mac = "";
  let altNames: readonly string[] = [];
  let ofKind: LinkOfKind = NO_KIND;
  let promiscuity = 0;
  let allMulticast = 0;
  let carrierUps = 0;
  let carrierDowns = 0;
  let group = 0;
  let mtu = 0;
  let minMtu = 0;
  let maxMtu = 0;
  let isProtocolDown = false;
  let operState: OperState = "unknown";
  let permanentMac: string | undefined;
  let alias: string | undefined;
  let master: number | undefined;
  let parent: number | undefined;
  let parentNamespaceId: number | undefined;
  let physicalPortName: string | undefined;
  let physicalPortId: string | undefined;
  let physicalSwitchId: string | undefined;
  let deviceName: string | undefined;
  let deviceBus = "";
  let transmitQueues = 1;
  let receiveQueues = 1;
  let transmitQueueLength = 0;
  let gsoMaxSize = LEGACY_MAX_SIZE;
  let groMaxSize = LEGACY_MAX_SIZE;
  let tsoMaxSize = LEGACY_MAX_SIZE;
  let gsoMaxSegments = MAX_SEGMENTS;
  let tsoMaxSegments = MAX_SEGMENTS;
  let gsoIpv4MaxSize: number | undefined;
  let groIpv4MaxSize: number | undefined;
  let statistics: LinkStatistics | undefined;
  for (let at = start + attr.INTERFACE_HEADER_SIZE; at + ATTRIBUTE_HEADER_SIZE <= end; ) {
    const length = memory.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_SIZE || at + length > end) break;
    const from = at + ATTRIBUTE_HEADER_SIZE;
    const size = length - ATTRIBUTE_HEADER_SIZE;
    switch (memory.getUint16(at + 2, true) & NLA_TYPE_MASK) {
      case 1: // IFLA_ADDRESS
        mac = readMac(memory, from, size);
        break;
      case 3: // IFLA_IFNAME
        name = readText(memory, from, from + size);
        break;
      case 4: // IFLA_MTU
        if (size >= 4) mtu = memory.getUint32(from, true);
        break;
      case 5: // IFLA_LINK
        if (size >= 4) parent = memory.getUint32(from, true);
        break;
      case 10: // IFLA_MASTER
        if (size >= 4) master = memory.getUint32(from, true);
        break;
      case 13: // IFLA_TXQLEN
        if (size >= 4) transmitQueueLength = memory.getUint32(from, true);
        break;
      case 16: // IFLA_OPERSTATE
        if (size >= 1) operState = OPER_STATES[memory.getUint8(from)] ?? "unknown";
        break;
      case 18: // IFLA_LINKINFO
        ofKind = readKind(new AttributeReader(payload, from - start, from - start + size));
        break;
      case 20: // IFLA_IFALIAS
        alias = readText(memory, from, from + size);
        break;
      case 23: // IFLA_STATS64
        if (size >= STATISTICS_SIZE) statistics = readStatistics(memory, from);
        break;
      case 27: // IFLA_GROUP
        if (size >= 4) group = memory.getUint32(from, true);
        break;
      case 30: // IFLA_PROMISCUITY
        if (size >= 4) promiscuity = memory.getUint32(from, true);
        break;
      case 31: // IFLA_NUM_TX_QUEUES
        if (size >= 4) transmitQueues = memory.getUint32(from, true);
        break;
      case 32: // IFLA_NUM_RX_QUEUES
        if (size >= 4) receiveQueues = memory.getUint32(from, true);
        break;
      case 34: // IFLA_PHYS_PORT_ID
        physicalPortId = readHexadecimal(memory, from, size);
        break;
      case 36: // IFLA_PHYS_SWITCH_ID
        physicalSwitchId = readHexadecimal(memory, from, size);
        break;
      case 37: // IFLA_LINK_NETNSID
        if (size >= 4) parentNamespaceId = memory.getInt32(from, true);
        break;
      case 38: // IFLA_PHYS_PORT_NAME
        physicalPortName = readText(memory, from, from + size);
        break;
      case 39: // IFLA_PROTO_DOWN
        isProtocolDown = size >= 1 && memory.getUint8(from) === 1;
        break;
      case 40: // IFLA_GSO_MAX_SEGS
        if (size >= 4) gsoMaxSegments = memory.getUint32(from, true);
        break;
      case 41: // IFLA_GSO_MAX_SIZE
        if (size >= 4) gsoMaxSize = memory.getUint32(from, true);
        break;
      case 47: // IFLA_CARRIER_UP_COUNT
        if (size >= 4) carrierUps = memory.getUint32(from, true);
        break;
      case 48: // IFLA_CARRIER_DOWN_COUNT
        if (size >= 4) carrierDowns = memory.getUint32(from, true);
        break;
      case 50: // IFLA_MIN_MTU
        if (size >= 4) minMtu = memory.getUint32(from, true);
        break;
      case 51: // IFLA_MAX_MTU
        if (size >= 4) maxMtu = memory.getUint32(from, true);
        break;
      case 52: // IFLA_PROP_LIST
        altNames = readAltNames(new AttributeReader(payload, from - start, from - start + size));
        break;
      case 54: // IFLA_PERM_ADDRESS
        permanentMac = readMac(memory, from, size);
        break;
      case 56: // IFLA_PARENT_DEV_NAME
        deviceName = readText(memory, from, from + size);
        break;
      case 57: // IFLA_PARENT_DEV_BUS_NAME
        deviceBus = readText(memory, from, from + size);
        break;
      case 58: // IFLA_GRO_MAX_SIZE
        if (size >= 4) groMaxSize = memory.getUint32(from, true);
        break;
      case 59: // IFLA_TSO_MAX_SIZE
        if (size >= 4) tsoMaxSize = memory.getUint32(from, true);
        break;
      case 60: // IFLA_TSO_MAX_SEGS
        if (size >= 4) tsoMaxSegments = memory.getUint32(from, true);
        break;
      case 61: // IFLA_ALLMULTI
        if (size >= 4) allMulticast = memory.getUint32(from, true);
        break;
      case 63: // IFLA_GSO_IPV4_MAX_SIZE
        if (size >= 4) gsoIpv4MaxSize = memory.getUint32(from, true);
        break;
      case 64: // IFLA_GRO_IPV4_MAX_SIZE
        if (size >= 4) groIpv4MaxSize = memory.getUint32(from, true);
        break;
    }
    at += align4(length);
  }
  return {
    index,
    name,
    altNames,
    kind: ofKind.kind,
    kindData: ofKind.kindData,
    isUp: (flags & attr.IFF_UP) !== 0,
    isLoopback: (flags & attr.IFF_LOOPBACK) !== 0,
    hasCarrier: (flags & attr.IFF_LOWER_UP) !== 0,
    isPromiscuous: (flags & attr.IFF_PROMISC) !== 0,
    isAllMulticast: (flags & attr.IFF_ALLMULTI) !== 0,
    promiscuity,
    allMulticast,
    isProtocolDown,
    operState,
    carrierUps,
    carrierDowns,
    mtu,
    minMtu,
    maxMtu,
    mac,
    permanentMac,
    alias,
    group,
    master,
    portKind: ofKind.portKind,
    portData: ofKind.portData,
    parent,
    parentNamespaceId,
    physicalPortName,
    physicalPortId,
    physicalSwitchId,
    device: deviceName === undefined ? undefined : { bus: deviceBus, name: deviceName },
    transmitQueues,
    receiveQueues,
    transmitQueueLength,
    gsoMaxSize,
    gsoIpv4MaxSize: gsoIpv4MaxSize ?? gsoMaxSize,
    gsoMaxSegments,
    groMaxSize,
    groIpv4MaxSize: groIpv4MaxSize ?? groMaxSize,
    tsoMaxSize,
    tsoMaxSegments,
    statistics,
  };
}

/** What IFLA_LINKINFO tells: the kind of the link, and that of what it is a port of. */
type LinkOfKind = Pick<Link, "kind" | "kindData" | "portKind" | "portData">;

const NO_KIND: LinkOfKind = {
  kind: undefined,
  kindData: undefined,
  portKind: undefined,
  portData: undefined,
};

function readKind(info: AttributeReader): LinkOfKind {
  const kind = info.string(attr.IFLA_INFO_KIND);
  const data = info.nested(attr.IFLA_INFO_DATA);
  const portKind = info.string(attr.IFLA_INFO_SLAVE_KIND);
  const portData = info.nested(attr.IFLA_INFO_SLAVE_DATA);
  return {
    kind,
    kindData: kind === undefined || data === undefined ? undefined : decodeKind(kind, data),
    portKind,
    portData: portKind === undefined || portData === undefined ? undefined : decodePort(portKind, portData),
  };
}

function readHexadecimal({ buffer }: DataView, at: number, size: number): string {
  return Buffer.from(buffer, at, size).toString("hex");
}

function readAltNames(list: AttributeReader): string[] {
  return list
    .entries()
    .filter(({ type }) => type === attr.IFLA_ALT_IFNAME)
    .map(({ payload }) => decodeText(payload));
}

/** Eight counters of 64 bits. */
const STATISTICS_SIZE = 64;

/** The first of the counters, in the order of struct rtnl_link_stats64. */
function readStatistics(view: DataView, at: number): LinkStatistics {
  return {
    receivePackets: readCounter(view, at),
    transmitPackets: readCounter(view, at + 8),
    receiveBytes: readCounter(view, at + 16),
    transmitBytes: readCounter(view, at + 24),
    receiveErrors: readCounter(view, at + 32),
    transmitErrors: readCounter(view, at + 40),
    receiveDrops: readCounter(view, at + 48),
    transmitDrops: readCounter(view, at + 56),
  };
}

/** In two halves, because a bigint each costs more than all the rest; exact up to 2^53. */
function readCounter(view: DataView, at: number): number {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  // A small number stays a small number for V8.
  return high === 0 ? low : low + high * 0x1_0000_0000;
}
