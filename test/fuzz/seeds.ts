import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeStructure } from "../../src/linux/generic/ethtool/ioctl.ts";
import { AttributeReader } from "../../src/linux/netlink/attribute.ts";
import {
  encodeMessage,
  MESSAGE_HEADER_SIZE,
  type Message,
  readMessages,
} from "../../src/linux/netlink/message.ts";
import { encodeGratuitousArp } from "../../src/linux/packet/arp.ts";
import { encodeUnsolicitedAdvertisement } from "../../src/linux/packet/neighbour-advertisement.ts";
import { encodeFilter } from "../../src/linux/route/tc/filter.ts";
import type { CapturedFile } from "../golden/captured.ts";
import { GENERIC_TYPE } from "../golden/message.ts";
import * as generic from "../unit/linux/generic/captured.ts";
import * as route from "../unit/linux/route/captured.ts";
import * as vfs from "../unit/linux/route/captured-vfs.ts";

/** Message types of rtnetlink (include/uapi/linux/rtnetlink.h): each is the first of its family of four. */
export const RTM_NEWLINK = 16;
export const RTM_NEWADDR = 20;
export const RTM_NEWROUTE = 24;
export const RTM_NEWNEIGH = 28;
export const RTM_NEWQDISC = 36;
export const RTM_NEWTCLASS = 40;
export const RTM_NEWTFILTER = 44;
export const RTM_NEWNSID = 88;

/** Requests of iproute2 and ethtool as they were captured; the golden tests hold that ours are the same. */
const requests = readdirSync(join(import.meta.dirname, "../golden/captured"))
  .sort()
  .map((file) => readFileSync(join(import.meta.dirname, "../golden/captured", file), "utf8"))
  .flatMap((text) => Object.values((JSON.parse(text) as CapturedFile).requests))
  .map(({ bytes }) => new Uint8Array(Buffer.from(bytes, "hex")));

const filterPlace = { link: 3, parent: "egress", priority: 1, protocol: "all", handle: 1 } as const;

/** An answer about the id of a namespace: NETNSA_NSID is 7. */
const namespaceId = encodeMessage(RTM_NEWNSID, 0, new Uint8Array(4), (attributes) => attributes.i32(1, 7));

/** What goes over a netlink socket. */
export const datagrams: readonly Uint8Array[] = [
  ...Object.values(route),
  ...Object.values(vfs),
  ...requests,
  namespaceId,
];

const messages = datagrams.flatMap((datagram) => readMessages(datagram));

/** Payloads of the messages of a family: of those that tell, and of requests, which have the same form. */
export function payloadsOf(firstType: number): Uint8Array[] {
  return messages.filter((message) => familyOf(message) === firstType).map(({ payload }) => payload);
}

/** The message type that a decoder is asked for by: new, delete and get have the same form. */
export function familyOf({ type }: Message): number {
  return type & ~3;
}

/** Payloads of the errors among the captured. */
export const refusals = messages.filter(({ type }) => type === 2).map(({ payload }) => payload);

/** Payloads of generic netlink: answers of devlink and ethtool by their names, and requests. */
export const genericAnswers = generic;
export const genericPayloads: readonly Uint8Array[] = [
  ...Object.values(generic),
  ...messages.filter(({ type }) => type === GENERIC_TYPE).map(({ payload }) => payload),
];

/** The payload of every attribute below these messages' headers, at all depths. */
export function payloadsWithin(payloads: readonly Uint8Array[], headerSize: number): Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  const visit = (bytes: Uint8Array, depth: number): void => {
    for (const { payload } of new AttributeReader(bytes).entries()) {
      if (payload.length < 4) continue;
      found.set(Buffer.from(payload).toString("latin1"), payload);
      if (depth < 6) visit(payload, depth + 1);
    }
  };
  for (const payload of payloads) visit(payload.subarray(Math.min(headerSize, payload.length)), 0);
  return [...found.values()];
}

/** Payloads by the text in one of their attributes, such as the kind of a link; those without it are left out. */
export function groupByText(
  payloads: readonly Uint8Array[],
  textOf: (payload: Uint8Array) => string | undefined,
): [text: string, payloads: Uint8Array[]][] {
  const groups = Map.groupBy(payloads, textOf);
  return [...groups].flatMap(([text, list]) => (text === undefined ? [] : [[text, list]]));
}

/** A port of a bridge with its VLANs: family AF_BRIDGE, link 4, and in IFLA_AF_SPEC 1 (PVID, untagged) and 10 to 20. */
export const portVlans = encodeMessage(
  RTM_NEWLINK,
  0,
  Uint8Array.of(7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  (attributes) =>
    attributes.u32(10, 2).nest(26, (spec) => {
      for (const info of ["06000100", "08000a00", "10001400"]) spec.bytes(2, Buffer.from(info, "hex"));
    }),
).subarray(MESSAGE_HEADER_SIZE);

/** A filter with a BPF program as it is asked for, and as the kernel tells of it: by TCA_BPF_ID and TCA_BPF_TAG. */
export const bpfFilters: readonly Uint8Array[] = [
  encodeFilter({ ...filterPlace, kind: "bpf", program: { fd: 9 }, name: "count", actions: [] }, 0),
  encodeFilter(
    { ...filterPlace, kind: "unknown", name: "bpf", raw: "08000b002a0000000c000a000123456789abcdef" },
    0,
  ),
].map((message) => message.subarray(MESSAGE_HEADER_SIZE));

/** Events of devices: a VF that gets its driver, a link that is renamed, and one of udev's. */
export const uevents: readonly Uint8Array[] = [
  "bind@/devices/pci0/0000:01:10.0\0ACTION=bind\0SUBSYSTEM=pci\0DRIVER=igbvf\0PCI_SLOT_NAME=0000:01:10.0\0SEQNUM=12\0",
  "move@/devices/virtual/net/b\0ACTION=move\0DEVPATH_OLD=/devices/virtual/net/a\0INTERFACE=b\0IFINDEX=7\0SEQNUM=9\0",
  "libudev\0\xfe\xed\xca\xfe\0\0\0ACTION=add\0",
].map((text) => new Uint8Array(Buffer.from(text, "latin1")));

const ETHERNET_HEADER_SIZE = 14;
/** Frames that the agent sends and hears. */
export const frames: readonly Uint8Array[] = [
  encodeGratuitousArp("10.0.0.1", "02:00:00:00:00:01"),
  encodeUnsolicitedAdvertisement("fd00::1", "02:00:00:00:00:01", true),
];
export const packets: readonly Uint8Array[] = frames.map((frame) => frame.subarray(ETHERNET_HEADER_SIZE));

/** Structures of ioctl(2) and bpf(2) whose texts and numbers are made up, by their sizes. */
export const structures = {
  /** struct ethtool_drvinfo, filled with letters. */
  driverInfo: new Uint8Array(196).fill(0x61),
  /** struct ethtool_sset_info: three strings in the second set. */
  setInfo: makeStructure(24, 0x37, 0, 2, 0, 3),
  /** struct ethtool_gstrings and, behind it, struct ethtool_stats: two counters each. */
  counters: [makeStructure(12 + 64, 0x1b, 1, 2), makeStructure(8 + 16, 0x1d, 2)] as const,
  /** struct bpf_prog_info with two maps: numbers 52 bytes in, their pointer, and the name. */
  program: new Uint8Array(80).fill(0x61, 64).fill(2, 52, 53),
  /** struct bpf_map_info. */
  map: makeStructure(80, 9, 7, 4, 16, 1024),
  /** union bpf_attr of a batch. */
  batch: makeStructure(56, 0, 0, 0, 0, 0, 0, 0, 0, 5),
} as const;
