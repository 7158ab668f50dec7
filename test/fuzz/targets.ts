import { readBatchCount } from "../../src/linux/bpf/commands.ts";
import { decodeMapInfo, decodeProgramInfo } from "../../src/linux/bpf/info.ts";
import { decodeDevice, decodeInfo } from "../../src/linux/generic/devlink/devices.ts";
import { decodeEswitch } from "../../src/linux/generic/devlink/eswitch.ts";
import { decodeHealthReporter } from "../../src/linux/generic/devlink/health.ts";
import { decodeParameter } from "../../src/linux/generic/devlink/parameters.ts";
import { decodePort } from "../../src/linux/generic/devlink/ports.ts";
import { decodeRate } from "../../src/linux/generic/devlink/rates.ts";
import { decodeReload } from "../../src/linux/generic/devlink/reload.ts";
import { readBitset } from "../../src/linux/generic/ethtool/bitset.ts";
import { decodeChannels } from "../../src/linux/generic/ethtool/channels.ts";
import { decodeDriverInfo } from "../../src/linux/generic/ethtool/driver-info.ts";
import { decodeDriverStatistics, decodeSetSize } from "../../src/linux/generic/ethtool/driver-statistics.ts";
import { decodeFeatureChange, decodeFeatures } from "../../src/linux/generic/ethtool/features.ts";
import { decodeForwardErrorCorrection } from "../../src/linux/generic/ethtool/fec.ts";
import { decodeLinkModes, decodePortKind } from "../../src/linux/generic/ethtool/link-modes.ts";
import { decodeLinkState } from "../../src/linux/generic/ethtool/link-state.ts";
import { decodePause } from "../../src/linux/generic/ethtool/pause.ts";
import { decodeRings } from "../../src/linux/generic/ethtool/rings.ts";
import { decodeStandardStatistics } from "../../src/linux/generic/ethtool/statistics.ts";
import { AttributeReader, decodeText } from "../../src/linux/netlink/attribute.ts";
import { readDonePayload, readErrorPayload } from "../../src/linux/netlink/error.ts";
import { type Message, readMessages } from "../../src/linux/netlink/message.ts";
import { decodeArp } from "../../src/linux/packet/arp.ts";
import { decodeFrame } from "../../src/linux/packet/ethernet.ts";
import { decodeNeighbourAdvertisement } from "../../src/linux/packet/neighbour-advertisement.ts";
import { decodeAddress } from "../../src/linux/route/address.ts";
import { decodePortVlans } from "../../src/linux/route/bridge-vlans.ts";
import { decodeFdbEntry } from "../../src/linux/route/fdb.ts";
import { decodeIpSettings } from "../../src/linux/route/ip-settings.ts";
import { decodeKind } from "../../src/linux/route/kinds/kinds.ts";
import { decodeLink, readLinkHeader } from "../../src/linux/route/link-decoder.ts";
import { readNamespaceId } from "../../src/linux/route/namespace-ids.ts";
import { decodeNeighbour } from "../../src/linux/route/neighbours.ts";
import { decodePort as decodeSwitchPort } from "../../src/linux/route/ports.ts";
import { decodeRoute } from "../../src/linux/route/route.ts";
import { readActionStatistics, readActions } from "../../src/linux/route/tc/action.ts";
import {
  decodeFqCodelStatistics,
  decodeFqStatistics,
  decodeHtbClassStatistics,
} from "../../src/linux/route/tc/application.ts";
import { decodeClass } from "../../src/linux/route/tc/class.ts";
import { decodeFilter } from "../../src/linux/route/tc/filter.ts";
import { readFlowerMatch } from "../../src/linux/route/tc/flower-keys.ts";
import { decodeQdisc } from "../../src/linux/route/tc/qdisc.ts";
import { decodeStatistics } from "../../src/linux/route/tc/statistics.ts";
import { decodeVf } from "../../src/linux/route/vf.ts";
import { decodeVfTable } from "../../src/linux/route/vf-table.ts";
import { decodeParentDevice } from "../../src/linux/route/vfs.ts";
import { decodeUevent } from "../../src/linux/uevent.ts";
import * as seeds from "./seeds.ts";
import type { Target } from "./target.ts";

/** Sizes of the structures that attributes stand behind. */
const IFINFOMSG_SIZE = 16;
const TCMSG_SIZE = 20;
/** In struct tcmsg. */
const TCMSG_HANDLE = 8;
const GENERIC_SIZE = 4;
/** Attributes that name kinds (include/uapi/linux/if_link.h, rtnetlink.h). */
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const TCA_KIND = 1;
/** Kinds of links that have ports. */
const PORT_KINDS = ["bond", "bridge"];
/** Nests below each other that the reading of any attributes goes into. */
const DEEPEST = 8;
/** NLM_F_CAPPED and NLM_F_ACK_TLVS: what the agent's own sockets ask for. */
const ALL_FLAGS = 0x300;

const links = seeds.payloadsOf(seeds.RTM_NEWLINK);
const addresses = seeds.payloadsOf(seeds.RTM_NEWADDR);
const routes = seeds.payloadsOf(seeds.RTM_NEWROUTE);
const neighbours = seeds.payloadsOf(seeds.RTM_NEWNEIGH);
const qdiscs = seeds.payloadsOf(seeds.RTM_NEWQDISC);
const classes = seeds.payloadsOf(seeds.RTM_NEWTCLASS);
const filters = [...seeds.payloadsOf(seeds.RTM_NEWTFILTER).map(withHandle), ...seeds.bpfFilters];

const linkNests = seeds.payloadsWithin(links, IFINFOMSG_SIZE);
const filterNests = seeds.payloadsWithin(filters, TCMSG_SIZE);
const queueNests = seeds.payloadsWithin([...qdiscs, ...classes], TCMSG_SIZE);
const genericNests = seeds.payloadsWithin(seeds.genericPayloads, GENERIC_SIZE);

/**
 * How each decoder is fed. A decoder that others call may do without a line: the run counts the calls of every exported
 * decoder of src/linux and fails where there was none.
 */
export const targets: readonly Target[] = [
  { name: "readMessages", seeds: seeds.datagrams, feed: readDatagram },
  { name: "AttributeReader", seeds: [...linkNests, ...filterNests, ...genericNests], feed: readEverything },
  { name: "decodeText", seeds: [...seeds.uevents, ...linkNests], feed: decodeText },
  { name: "readErrorPayload", seeds: seeds.refusals, feed: withFlags(readErrorPayload) },
  { name: "readDonePayload", seeds: seeds.refusals, feed: withFlags(readDonePayload) },

  { name: "decodeLink", seeds: links, feed: decodeLink },
  ...seeds
    .groupByText(links, (link) => infoOf(link)?.string(IFLA_INFO_KIND))
    .map(([kind, ofKind]) => ({
      name: `decodeKind ${kind}`,
      seeds: ofKind.map((link) => infoOf(link)?.bytes(IFLA_INFO_DATA) ?? new Uint8Array(8)),
      feed: (bytes: Uint8Array) => decodeKind(kind, new AttributeReader(bytes)),
    })),
  ...PORT_KINDS.map((kind) => ({
    name: `decodePort ${kind}`,
    seeds: linkNests,
    feed: (bytes: Uint8Array) => decodeSwitchPort(kind, new AttributeReader(bytes)),
  })),
  { name: "decodeIpSettings", seeds: links, feed: decodeIpSettings },
  { name: "decodePortVlans", seeds: [seeds.portVlans], feed: decodePortVlans },
  { name: "decodeParentDevice", seeds: links, feed: decodeParentDevice },
  { name: "decodeVfTable", seeds: links, feed: decodeVfTable },
  { name: "decodeVf", seeds: linkNests, feed: (bytes) => decodeVf(bytes) },
  { name: "decodeAddress", seeds: addresses, feed: decodeAddress },
  { name: "decodeRoute", seeds: routes, feed: decodeRoute },
  { name: "decodeNeighbour", seeds: neighbours, feed: decodeNeighbour },
  { name: "decodeFdbEntry", seeds: neighbours, feed: decodeFdbEntry },
  { name: "readNamespaceId", seeds: seeds.payloadsOf(seeds.RTM_NEWNSID), feed: readNamespaceId },

  ...traffic("decodeQdisc", qdiscs, asMessage(seeds.RTM_NEWQDISC, decodeQdisc)),
  ...traffic("decodeClass", classes, asMessage(seeds.RTM_NEWTCLASS, decodeClass)),
  ...traffic("decodeFilter", filters, asMessage(seeds.RTM_NEWTFILTER, decodeFilter)),
  { name: "readActions", seeds: filterNests, feed: readActions },
  { name: "readActionStatistics", seeds: filterNests, feed: readActionStatistics },
  { name: "readFlowerMatch", seeds: filterNests, feed: readFlowerMatch },
  { name: "decodeStatistics", seeds: queueNests, feed: decodeStatistics },
  { name: "decodeHtbClassStatistics", seeds: queueNests, feed: decodeHtbClassStatistics },
  { name: "decodeFqStatistics", seeds: queueNests, feed: decodeFqStatistics },
  { name: "decodeFqCodelStatistics", seeds: queueNests, feed: decodeFqCodelStatistics },

  ...generic({
    decodeDevice,
    decodeInfo,
    decodeEswitch,
    decodePort,
    decodeRate,
    decodeHealthReporter,
    decodeParameter,
    decodeReload,
    decodeChannels,
    decodeRings,
    decodeFeatures,
    decodeFeatureChange,
    decodeForwardErrorCorrection,
    decodeLinkModes,
    decodePortKind,
    decodeLinkState,
    decodePause,
    decodeStandardStatistics,
  }),
  { name: "readBitset", seeds: genericNests, feed: readBitset },

  { name: "decodeDriverInfo", seeds: [seeds.structures.driverInfo], feed: decodeDriverInfo },
  { name: "decodeSetSize", seeds: [seeds.structures.setInfo], feed: decodeSetSize },
  { name: "decodeDriverStatistics", seeds: seeds.structures.counters, feed: decodeCounters },
  { name: "decodeProgramInfo", seeds: [seeds.structures.program], feed: decodeProgram },
  { name: "decodeMapInfo", seeds: [seeds.structures.map], feed: decodeMapInfo },
  { name: "readBatchCount", seeds: [seeds.structures.batch], feed: readBatchCount },

  { name: "decodeUevent", seeds: seeds.uevents, feed: decodeUevent },
  { name: "decodeFrame", seeds: seeds.frames, feed: decodeFrame },
  { name: "decodeArp", seeds: seeds.packets, feed: decodeArp },
  { name: "decodeNeighbourAdvertisement", seeds: seeds.packets, feed: decodeAdvertisement },
];

/** A target for each kind, so that a kind that stands in few captures is not fed less. */
function traffic(name: string, payloads: readonly Uint8Array[], feed: Target["feed"]): Target[] {
  const kindOf = (payload: Uint8Array) => new AttributeReader(payload.subarray(TCMSG_SIZE)).string(TCA_KIND);
  return seeds
    .groupByText(payloads, kindOf)
    .map(([kind, ofKind]) => ({ name: `${name} ${kind}`, seeds: ofKind, feed }));
}

/** A request leaves the handle of a filter to the kernel; what the kernel tells of without one is no filter. */
function withHandle(filter: Uint8Array): Uint8Array {
  const told = filter.slice();
  told[TCMSG_HANDLE] = 1;
  return told;
}

function infoOf(link: Uint8Array): AttributeReader | undefined {
  return new AttributeReader(link.subarray(IFINFOMSG_SIZE)).nested(IFLA_LINKINFO);
}

/** Decoders of generic netlink's payloads: each is fed all of them, as a family's messages look alike. */
function generic(decoders: Readonly<Record<string, (payload: Uint8Array) => unknown>>): Target[] {
  return Object.entries(decoders).map(([name, feed]) => ({ name, seeds: seeds.genericPayloads, feed }));
}

function asMessage(type: number, decode: (message: Message) => unknown): Target["feed"] {
  return (payload) => decode({ type, flags: 0, sequence: 0, portId: 0, payload });
}

/** The length of an input decides by which flags it is read. */
function withFlags(decode: (payload: Uint8Array, flags: number) => unknown): Target["feed"] {
  return (payload) => decode(payload, ALL_FLAGS & (payload.length << 8));
}

/** Reads a datagram as the agent does: each message by its type. */
function readDatagram(datagram: Uint8Array): void {
  for (const message of readMessages(datagram)) {
    const { payload, flags } = message;
    if (message.type === 2) readErrorPayload(payload, flags);
    else if (message.type === 3) readDonePayload(payload, flags);
    else byFamily[seeds.familyOf(message)]?.(message);
  }
}

const byFamily: Readonly<Record<number, (message: Message) => unknown>> = {
  [seeds.RTM_NEWLINK]: ({ payload }) => [
    decodeLink(payload),
    readLinkHeader(payload),
    decodeVfTable(payload),
  ],
  [seeds.RTM_NEWADDR]: ({ payload }) => decodeAddress(payload),
  [seeds.RTM_NEWROUTE]: ({ payload }) => decodeRoute(payload),
  [seeds.RTM_NEWNEIGH]: ({ payload }) => [decodeNeighbour(payload), decodeFdbEntry(payload)],
  [seeds.RTM_NEWQDISC]: decodeQdisc,
  [seeds.RTM_NEWTCLASS]: decodeClass,
  [seeds.RTM_NEWTFILTER]: decodeFilter,
  [seeds.RTM_NEWNSID]: ({ payload }) => readNamespaceId(payload),
};

/** Reads every attribute in every way there is, and goes into nests. */
function readEverything(bytes: Uint8Array, depth = 0): void {
  const reader = new AttributeReader(bytes);
  for (const { type, payload } of reader.entries()) {
    reader.has(type);
    reader.u8(type);
    reader.u16(type);
    reader.u32(type);
    reader.i32(type);
    reader.u64(type);
    reader.string(type);
    reader.bytes(type);
    reader.nested(type);
    if (depth < DEEPEST) readEverything(payload, depth + 1);
  }
}

/** Names and values are two structures: the first half of an input is the one, the second the other. */
function decodeCounters(bytes: Uint8Array): void {
  decodeDriverStatistics(bytes, bytes);
  decodeDriverStatistics(seeds.structures.counters[0], bytes);
  decodeDriverStatistics(bytes, seeds.structures.counters[1]);
}

/** The numbers of maps are memory of their own, which the kernel fills as far as it likes. */
function decodeProgram(bytes: Uint8Array): void {
  decodeProgramInfo(bytes);
  decodeProgramInfo(bytes, bytes.subarray(Math.min(bytes.length, 52)));
}

/** Tried as it is, and with a checksum that is right, without which nothing behind it is looked at. */
function decodeAdvertisement(bytes: Uint8Array): void {
  decodeNeighbourAdvertisement(bytes);
  if (bytes.length < 64) return;
  const packet = bytes.slice();
  const view = new DataView(packet.buffer);
  packet.set([0x60, 0, 0, 0], 0);
  view.setUint16(4, packet.length - 40);
  packet.set([58, 255], 6);
  packet.set([136, 0, 0, 0], 40);
  let sum = packet.length - 40 + 58;
  for (let at = 8; at + 1 < packet.length; at += 2) sum += view.getUint16(at);
  if (packet.length % 2 === 1) sum += (packet.at(-1) as number) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(42, ~sum & 0xffff);
  decodeNeighbourAdvertisement(packet);
}
