import { AttributeReader } from "../netlink/attribute.ts";
import { formatMac } from "./ip.ts";
import * as attr from "./vf-attributes.ts";
import type { VfLinkState, VfRate, VfSettings, VfVlan } from "./vf-settings.ts";
import { decodeVlanProtocol } from "./vlan-protocol.ts";

/** Counters of a VF as its PF's driver keeps them; all zero where the driver keeps none. */
export interface VfStatistics {
  readonly receivePackets: number;
  readonly transmitPackets: number;
  readonly receiveBytes: number;
  readonly transmitBytes: number;
  /** Received packets that went to everybody. */
  readonly broadcastPackets: number;
  /** Received packets that went to a group. */
  readonly multicastPackets: number;
  readonly receiveDrops: number;
  readonly transmitDrops: number;
}

/** What the PF tells of a VF. Undefined is what its driver does not tell. */
export interface VfAttributes extends VfSettings {
  /** All zero when none was set. */
  readonly mac: string | undefined;
  /** Of the PF: the kernel tells it with each VF. */
  readonly broadcastMac: string | undefined;
  readonly vlan: VfVlan | undefined;
  readonly rate: VfRate | undefined;
  readonly isSpoofChecked: boolean | undefined;
  readonly isTrusted: boolean | undefined;
  readonly linkState: VfLinkState | undefined;
  readonly canQueryRss: boolean | undefined;
  readonly nodeGuid: string | undefined;
  readonly portGuid: string | undefined;
}

/** One virtual function of a link that is a physical function. */
export interface Vf {
  /** From 0. */
  readonly index: number;
  /** Undefined where it is only known that the VF exists (see `Vfs.list`). */
  readonly attributes: VfAttributes | undefined;
  /** Undefined where they were not asked for, or are not known. */
  readonly statistics: VfStatistics | undefined;
  /** For example `0000:86:01.2`; looked up where the attributes are not known. */
  readonly pciAddress: string | undefined;
}

/** What the kernel sets beforehand for what the driver may not tell (rtnl_fill_vfinfo, net/core/rtnetlink.c). */
const NOT_TOLD = 0xffffffff;

/**
 * Reads the content of IFLA_VF_INFO; undefined when it does not say whose it is. Addresses are `addressLength` bytes
 * long, as the PF's own: their fields are longer, and what stands behind is not the kernel's to tell.
 */
export function decodeVf(payload: Uint8Array, addressLength = 6): Vf | undefined {
  const info = new AttributeReader(payload);
  const index = info.u32(attr.IFLA_VF_MAC);
  if (index === undefined) return undefined;
  const statistics = info.nested(attr.IFLA_VF_STATS);
  return {
    index,
    attributes: {
      mac: readAddress(info.bytes(attr.IFLA_VF_MAC), 4, addressLength),
      broadcastMac: readAddress(info.bytes(attr.IFLA_VF_BROADCAST), 0, addressLength),
      vlan: readVlan(info),
      rate: readRate(info),
      isSpoofChecked: readSwitch(info, attr.IFLA_VF_SPOOFCHK),
      isTrusted: readSwitch(info, attr.IFLA_VF_TRUST),
      linkState: readLinkState(info),
      canQueryRss: readSwitch(info, attr.IFLA_VF_RSS_QUERY_EN),
      nodeGuid: readGuid(info, attr.IFLA_VF_IB_NODE_GUID),
      portGuid: readGuid(info, attr.IFLA_VF_IB_PORT_GUID),
    },
    statistics: statistics === undefined ? undefined : readStatistics(statistics),
    pciAddress: undefined,
  };
}

function readAddress(bytes: Uint8Array | undefined, at: number, length: number): string | undefined {
  const end = at + Math.min(length, attr.MAX_ADDR_LEN);
  return bytes === undefined || bytes.length < end ? undefined : formatMac(bytes.subarray(at, end));
}

/** Kernels before 4.9 told IFLA_VF_VLAN alone, and knew no other protocol than 802.1Q. */
function readVlan(info: AttributeReader): VfVlan | undefined {
  const entry = info.nested(attr.IFLA_VF_VLAN_LIST)?.bytes(attr.IFLA_VF_VLAN_INFO);
  const bytes = entry ?? info.bytes(attr.IFLA_VF_VLAN);
  const [id, qos] = [word(bytes, 1), word(bytes, 2)];
  if (id === undefined || qos === undefined) return undefined;
  return { id, qos, protocol: entry === undefined ? "802.1Q" : decodeVlanProtocol(entry.subarray(12)) };
}

function readRate(info: AttributeReader): VfRate | undefined {
  const bytes = info.bytes(attr.IFLA_VF_RATE);
  const [min, max] = [word(bytes, 1), word(bytes, 2)];
  if (min === undefined || max === undefined) return undefined;
  return { min: min * attr.RATE_UNIT, max: max * attr.RATE_UNIT };
}

function readSwitch(info: AttributeReader, type: number): boolean | undefined {
  const setting = word(info.bytes(type), 1);
  return setting === undefined || setting === NOT_TOLD ? undefined : setting !== 0;
}

function readLinkState(info: AttributeReader): VfLinkState | undefined {
  const number = word(info.bytes(attr.IFLA_VF_LINK_STATE), 1);
  return (Object.keys(attr.LINK_STATES) as VfLinkState[]).find((state) => attr.LINK_STATES[state] === number);
}

function readGuid(info: AttributeReader, type: number): string | undefined {
  const bytes = info.bytes(type);
  return bytes === undefined || bytes.length < 16 ? undefined : formatMac(bytes.slice(8, 16).reverse());
}

function readStatistics(nest: AttributeReader): VfStatistics {
  const counter = (type: number) => Number(nest.u64(type) ?? 0n);
  return {
    receivePackets: counter(attr.IFLA_VF_STATS_RX_PACKETS),
    transmitPackets: counter(attr.IFLA_VF_STATS_TX_PACKETS),
    receiveBytes: counter(attr.IFLA_VF_STATS_RX_BYTES),
    transmitBytes: counter(attr.IFLA_VF_STATS_TX_BYTES),
    broadcastPackets: counter(attr.IFLA_VF_STATS_BROADCAST),
    multicastPackets: counter(attr.IFLA_VF_STATS_MULTICAST),
    receiveDrops: counter(attr.IFLA_VF_STATS_RX_DROPPED),
    transmitDrops: counter(attr.IFLA_VF_STATS_TX_DROPPED),
  };
}

/** The 32-bit number at a position of a structure; undefined where there is none. */
function word(bytes: Uint8Array | undefined, position: number): number | undefined {
  const at = position * 4;
  if (bytes === undefined || bytes.length < at + 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}
