import { AttributeReader, type AttributeWriter } from "../../netlink/attribute.ts";
import { AF_INET, formatIp, formatMac, networkBytes, parseMac, parsePrefix } from "../ip.ts";
import {
  type FlowerMatch,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type PortMatch,
  type VlanMatch,
} from "./flower-match.ts";
import { withoutAbsent } from "./kind.ts";

/** Keys of flower (include/uapi/linux/pkt_cls.h). A key's mask says which of its bits are looked at. */
const TCA_FLOWER_KEY_ETH_DST = 4;
const TCA_FLOWER_KEY_ETH_DST_MASK = 5;
const TCA_FLOWER_KEY_ETH_SRC = 6;
const TCA_FLOWER_KEY_ETH_SRC_MASK = 7;
const TCA_FLOWER_KEY_IP_PROTO = 9;
const TCA_FLOWER_KEY_IPV4_SRC = 10;
const TCA_FLOWER_KEY_IPV4_SRC_MASK = 11;
const TCA_FLOWER_KEY_IPV4_DST = 12;
const TCA_FLOWER_KEY_IPV4_DST_MASK = 13;
const TCA_FLOWER_KEY_IPV6_SRC = 14;
const TCA_FLOWER_KEY_IPV6_SRC_MASK = 15;
const TCA_FLOWER_KEY_IPV6_DST = 16;
const TCA_FLOWER_KEY_IPV6_DST_MASK = 17;
const TCA_FLOWER_KEY_TCP_SRC = 18;
const TCA_FLOWER_KEY_TCP_DST = 19;
const TCA_FLOWER_KEY_UDP_SRC = 20;
const TCA_FLOWER_KEY_UDP_DST = 21;
const TCA_FLOWER_KEY_VLAN_ID = 23;
const TCA_FLOWER_KEY_VLAN_PRIO = 24;
const TCA_FLOWER_KEY_VLAN_ETH_TYPE = 25;
const TCA_FLOWER_KEY_TCP_SRC_MASK = 35;
const TCA_FLOWER_KEY_TCP_DST_MASK = 36;
const TCA_FLOWER_KEY_UDP_SRC_MASK = 37;
const TCA_FLOWER_KEY_UDP_DST_MASK = 38;
const TCA_FLOWER_KEY_SCTP_SRC_MASK = 39;
const TCA_FLOWER_KEY_SCTP_DST_MASK = 40;
const TCA_FLOWER_KEY_SCTP_SRC = 41;
const TCA_FLOWER_KEY_SCTP_DST = 42;
const TCA_FLOWER_KEY_TCP_FLAGS = 71;
const TCA_FLOWER_KEY_TCP_FLAGS_MASK = 72;
const TCA_FLOWER_KEY_IP_TOS = 73;
const TCA_FLOWER_KEY_IP_TOS_MASK = 74;
const TCA_FLOWER_KEY_CVLAN_ID = 77;
const TCA_FLOWER_KEY_CVLAN_PRIO = 78;
const TCA_FLOWER_KEY_CVLAN_ETH_TYPE = 79;
const TCA_FLOWER_KEY_PORT_SRC_MIN = 87;
const TCA_FLOWER_KEY_PORT_SRC_MAX = 88;
const TCA_FLOWER_KEY_PORT_DST_MIN = 89;
const TCA_FLOWER_KEY_PORT_DST_MAX = 90;

/** What is no key of a packet: class, actions, Ethernet type, flags, and how many cards have the filter. */
const BESIDES = [1, 3, 8, 22, 86];

const MACS = {
  destinationMac: [TCA_FLOWER_KEY_ETH_DST, TCA_FLOWER_KEY_ETH_DST_MASK],
  sourceMac: [TCA_FLOWER_KEY_ETH_SRC, TCA_FLOWER_KEY_ETH_SRC_MASK],
} as const;

const TAGS = {
  vlan: [TCA_FLOWER_KEY_VLAN_ID, TCA_FLOWER_KEY_VLAN_PRIO, TCA_FLOWER_KEY_VLAN_ETH_TYPE],
  innerVlan: [TCA_FLOWER_KEY_CVLAN_ID, TCA_FLOWER_KEY_CVLAN_PRIO, TCA_FLOWER_KEY_CVLAN_ETH_TYPE],
} as const;

const ADDRESSES = {
  source: [
    [TCA_FLOWER_KEY_IPV4_SRC, TCA_FLOWER_KEY_IPV4_SRC_MASK],
    [TCA_FLOWER_KEY_IPV6_SRC, TCA_FLOWER_KEY_IPV6_SRC_MASK],
  ],
  destination: [
    [TCA_FLOWER_KEY_IPV4_DST, TCA_FLOWER_KEY_IPV4_DST_MASK],
    [TCA_FLOWER_KEY_IPV6_DST, TCA_FLOWER_KEY_IPV6_DST_MASK],
  ],
} as const;

/** A port and its mask, by protocol. */
const PORTS = {
  sourcePort: {
    [IPPROTO_TCP]: [TCA_FLOWER_KEY_TCP_SRC, TCA_FLOWER_KEY_TCP_SRC_MASK],
    [IPPROTO_UDP]: [TCA_FLOWER_KEY_UDP_SRC, TCA_FLOWER_KEY_UDP_SRC_MASK],
    [IPPROTO_SCTP]: [TCA_FLOWER_KEY_SCTP_SRC, TCA_FLOWER_KEY_SCTP_SRC_MASK],
  },
  destinationPort: {
    [IPPROTO_TCP]: [TCA_FLOWER_KEY_TCP_DST, TCA_FLOWER_KEY_TCP_DST_MASK],
    [IPPROTO_UDP]: [TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_UDP_DST_MASK],
    [IPPROTO_SCTP]: [TCA_FLOWER_KEY_SCTP_DST, TCA_FLOWER_KEY_SCTP_DST_MASK],
  },
} as const satisfies Record<string, Record<number, readonly [number, number]>>;

const PORT_RANGES = {
  sourcePort: [TCA_FLOWER_KEY_PORT_SRC_MIN, TCA_FLOWER_KEY_PORT_SRC_MAX],
  destinationPort: [TCA_FLOWER_KEY_PORT_DST_MIN, TCA_FLOWER_KEY_PORT_DST_MAX],
} as const;

const WHOLE_MAC = Uint8Array.of(255, 255, 255, 255, 255, 255);
const WHOLE_PORT = 0xffff;
/** The code point's bits in the byte that also holds ECN's two. */
const DSCP_SHIFT = 2;
const DSCP_MASK = 0xfc;

const knownTypes = new Set<number>([
  ...BESIDES,
  ...Object.values(MACS).flat(),
  ...Object.values(TAGS).flat(),
  ...Object.values(ADDRESSES).flat(2),
  ...Object.values(PORTS).flatMap((ports) => Object.values(ports).flat()),
  ...Object.values(PORT_RANGES).flat(),
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_TCP_FLAGS,
  TCA_FLOWER_KEY_TCP_FLAGS_MASK,
  TCA_FLOWER_KEY_IP_TOS,
  TCA_FLOWER_KEY_IP_TOS_MASK,
]);

/** False when the filter looks at something a `FlowerMatch` has no words for. */
function hasOnlyKnownKeys(attributes: AttributeReader): boolean {
  return [...attributes.entries()].every(({ type }) => knownTypes.has(type));
}

/** Writes the keys of a match that was checked. */
export function writeFlowerMatch(attributes: AttributeWriter, match: FlowerMatch): void {
  for (const key of ["destinationMac", "sourceMac"] as const) writeMac(attributes, MACS[key], match[key]);
  for (const key of ["vlan", "innerVlan"] as const) writeTag(attributes, TAGS[key], match[key]);
  if (match.ipProtocol !== undefined) attributes.u8(TCA_FLOWER_KEY_IP_PROTO, match.ipProtocol);
  for (const key of ["source", "destination"] as const) {
    writeAddress(attributes, ADDRESSES[key], match[key]);
  }
  for (const key of ["sourcePort", "destinationPort"] as const) {
    const port = match[key];
    if (typeof port === "number") {
      // Without a mask all its bits are looked at.
      attributes.u16be(portAttributes(key, match.ipProtocol)?.[0] ?? 0, port);
    } else if (port !== undefined) {
      attributes.u16be(PORT_RANGES[key][0], port.from).u16be(PORT_RANGES[key][1], port.to);
    }
  }
  if (match.tcpFlags !== undefined) {
    attributes.u16be(TCA_FLOWER_KEY_TCP_FLAGS, match.tcpFlags.value);
    attributes.u16be(TCA_FLOWER_KEY_TCP_FLAGS_MASK, match.tcpFlags.mask);
  }
  if (match.dscp !== undefined) {
    attributes.u8(TCA_FLOWER_KEY_IP_TOS, match.dscp << DSCP_SHIFT);
    attributes.u8(TCA_FLOWER_KEY_IP_TOS_MASK, DSCP_MASK);
  }
}

/** Reads the keys of a filter; undefined when it looks at more, or at other bits, than a match can say. */
export function readFlowerMatch(bytes: Uint8Array): FlowerMatch | undefined {
  const attributes = new AttributeReader(bytes);
  if (!hasOnlyKnownKeys(attributes)) return undefined;
  const ipProtocol = attributes.u8(TCA_FLOWER_KEY_IP_PROTO);
  const keys = {
    destinationMac: readMac(attributes, MACS.destinationMac),
    sourceMac: readMac(attributes, MACS.sourceMac),
    vlan: readTag(attributes, TAGS.vlan),
    innerVlan: readTag(attributes, TAGS.innerVlan),
    ipProtocol,
    source: readAddress(attributes, ADDRESSES.source),
    destination: readAddress(attributes, ADDRESSES.destination),
    sourcePort: readPort(attributes, "sourcePort", ipProtocol),
    destinationPort: readPort(attributes, "destinationPort", ipProtocol),
    tcpFlags: readTcpFlags(attributes),
    dscp: readDscp(attributes),
  };
  const { source, destination, sourcePort, destinationPort, dscp } = keys;
  if ([source, destination, sourcePort, destinationPort, dscp].includes(UNSAYABLE)) return undefined;
  return withoutAbsent(keys as FlowerMatch);
}

/** A key is there and looks at other bits than a match has words for. */
const UNSAYABLE = Symbol("unsayable");

type Read<T> = T | typeof UNSAYABLE | undefined;

function writeMac(
  attributes: AttributeWriter,
  [key, maskKey]: readonly [number, number],
  text: string | undefined,
): void {
  if (text === undefined) return;
  const [value = "", mask] = text.split("/", 2);
  attributes.bytes(key, parseMac(value)).bytes(maskKey, mask === undefined ? WHOLE_MAC : parseMac(mask));
}

function readMac(attributes: AttributeReader, [key, maskKey]: readonly [number, number]): string | undefined {
  const value = attributes.bytes(key);
  if (value === undefined) return undefined;
  const mask = attributes.bytes(maskKey) ?? WHOLE_MAC;
  const isWhole = mask.every((byte) => byte === 255);
  return isWhole ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
}

function writeTag(
  attributes: AttributeWriter,
  [id, priority, etherType]: readonly [number, number, number],
  tag: VlanMatch | undefined,
): void {
  if (tag?.id !== undefined) attributes.u16(id, tag.id);
  if (tag?.priority !== undefined) attributes.u8(priority, tag.priority);
  if (tag?.etherType !== undefined) attributes.u16be(etherType, tag.etherType);
}

function readTag(
  attributes: AttributeReader,
  [id, priority, etherType]: readonly [number, number, number],
): VlanMatch | undefined {
  const tag = withoutAbsent({
    id: attributes.u16(id),
    priority: attributes.u8(priority),
    etherType: readU16be(attributes, etherType),
  });
  return Object.keys(tag).length === 0 ? undefined : tag;
}

function writeAddress(
  attributes: AttributeWriter,
  [ipv4, ipv6]: readonly (readonly [number, number])[],
  text: string | undefined,
): void {
  if (text === undefined) return;
  const prefix = parsePrefix(text);
  const [key, maskKey] = (prefix.family === AF_INET ? ipv4 : ipv6) ?? [0, 0];
  const mask = networkBytes({ ...prefix, bytes: new Uint8Array(prefix.bytes.length).fill(255) });
  attributes.bytes(key, networkBytes(prefix)).bytes(maskKey, mask);
}

function readAddress(
  attributes: AttributeReader,
  families: readonly (readonly [number, number])[],
): Read<string> {
  for (const [key, maskKey] of families) {
    const value = attributes.bytes(key);
    if (value === undefined) continue;
    if (value.length !== 4 && value.length !== 16) return UNSAYABLE;
    const longest = value.length * 8;
    const length = prefixLength(attributes.bytes(maskKey) ?? new Uint8Array(value.length).fill(255));
    if (length === undefined || length > longest) return UNSAYABLE;
    return length === longest ? formatIp(value) : `${formatIp(value)}/${length}`;
  }
  return undefined;
}

/** Length of a mask whose ones are all in front; undefined for another mask. */
function prefixLength(mask: Uint8Array): number | undefined {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replace(/0/g, "").length : undefined;
}

function portAttributes(key: keyof typeof PORTS, ipProtocol: number | undefined) {
  const ports: Readonly<Record<number, readonly [number, number]>> = PORTS[key];
  return ports[ipProtocol ?? 0];
}

function readPort(
  attributes: AttributeReader,
  key: keyof typeof PORTS,
  ipProtocol: number | undefined,
): Read<PortMatch> {
  const from = readU16be(attributes, PORT_RANGES[key][0]);
  const to = readU16be(attributes, PORT_RANGES[key][1]);
  if (from !== undefined && to !== undefined) return { from, to };
  const [portKey, maskKey] = portAttributes(key, ipProtocol) ?? [0, 0];
  const port = readU16be(attributes, portKey);
  if (port === undefined) return undefined;
  return (readU16be(attributes, maskKey) ?? WHOLE_PORT) === WHOLE_PORT ? port : UNSAYABLE;
}

function readTcpFlags(attributes: AttributeReader): FlowerMatch["tcpFlags"] {
  const value = readU16be(attributes, TCA_FLOWER_KEY_TCP_FLAGS);
  if (value === undefined) return undefined;
  return { value, mask: readU16be(attributes, TCA_FLOWER_KEY_TCP_FLAGS_MASK) ?? 0xffff };
}

function readDscp(attributes: AttributeReader): Read<number> {
  const value = attributes.u8(TCA_FLOWER_KEY_IP_TOS);
  if (value === undefined) return undefined;
  return attributes.u8(TCA_FLOWER_KEY_IP_TOS_MASK) === DSCP_MASK ? value >> DSCP_SHIFT : UNSAYABLE;
}

function readU16be(attributes: AttributeReader, type: number): number | undefined {
  const value = attributes.u16(type);
  return value === undefined ? undefined : ((value & 0xff) << 8) | (value >> 8);
}
