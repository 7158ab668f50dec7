import { InvalidValueError } from "../../model/errors.ts";
import { AF_INET6, formatIp, formatMac, parseIp, parseMac } from "../route/ip.ts";
import { ETH_P_IPV6, encodeFrame } from "./ethernet.ts";

/** RFC 8200: version, payload length, next header, hop limit, source, destination. */
const IPV6_HEADER_SIZE = 40;
const ICMPV6 = 58;
/** Whoever receives a packet with less knows that it came from another network (RFC 4861, section 7.1.2). */
const HOP_LIMIT = 255;

/** RFC 4861, section 4.4: type, code, checksum, flags, target; options follow. */
const ADVERTISEMENT_SIZE = 24;
const NEIGHBOUR_ADVERTISEMENT = 136;
const FLAG_ROUTER = 0x80;
const FLAG_SOLICITED = 0x40;
const FLAG_OVERRIDE = 0x20;

/** Option 2: type, length in units of eight bytes, a MAC address. */
const TARGET_LINK_LAYER_ADDRESS = 2;
const OPTION_UNIT = 8;

const ALL_NODES = "ff02::1";
/** The group of ff02::1 on Ethernet (RFC 2464, section 7). */
const ALL_NODES_MAC = "33:33:00:00:00:01";

/** A neighbour advertisement: who has an IPv6 address. */
export interface NeighbourAdvertisement {
  readonly source: string;
  readonly destination: string;
  /** The address it is about. */
  readonly target: string;
  /** The MAC address that has it; undefined where it was left out. */
  readonly mac: string | undefined;
  readonly isRouter: boolean;
  /** The answer to a question. */
  readonly isSolicited: boolean;
  /** Whoever knows the address by another MAC shall take this one. */
  readonly isOverride: boolean;
}

/** The bytes of an IPv6 packet, without the Ethernet header. Throws InvalidValueError. */
export function encodeNeighbourAdvertisement(advertisement: NeighbourAdvertisement): Uint8Array {
  const { source, destination, target, mac, isRouter, isSolicited, isOverride } = advertisement;
  const size = ADVERTISEMENT_SIZE + (mac === undefined ? 0 : OPTION_UNIT);
  const packet = new Uint8Array(IPV6_HEADER_SIZE + size);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, size);
  packet[6] = ICMPV6;
  packet[7] = HOP_LIMIT;
  packet.set(parseIpv6(source), 8);
  packet.set(parseIpv6(destination), 24);
  packet[40] = NEIGHBOUR_ADVERTISEMENT;
  packet[44] =
    (isRouter ? FLAG_ROUTER : 0) | (isSolicited ? FLAG_SOLICITED : 0) | (isOverride ? FLAG_OVERRIDE : 0);
  packet.set(parseIpv6(target), 48);
  if (mac !== undefined) {
    packet.set([TARGET_LINK_LAYER_ADDRESS, 1], 64);
    packet.set(parseMac(mac), 66);
  }
  view.setUint16(42, checksum(packet));
  return packet;
}

/**
 * Reads an IPv6 packet behind its Ethernet header; undefined when it is no neighbour advertisement that a host may
 * believe (RFC 4861, section 7.1.2): hop limit, checksum, lengths.
 */
export function decodeNeighbourAdvertisement(packet: Uint8Array): NeighbourAdvertisement | undefined {
  if (packet.length < IPV6_HEADER_SIZE + ADVERTISEMENT_SIZE) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const size = view.getUint16(4);
  const isOurs =
    view.getUint8(0) >> 4 === 6 &&
    view.getUint8(6) === ICMPV6 &&
    view.getUint8(7) === HOP_LIMIT &&
    view.getUint8(40) === NEIGHBOUR_ADVERTISEMENT &&
    view.getUint8(41) === 0 &&
    size >= ADVERTISEMENT_SIZE &&
    IPV6_HEADER_SIZE + size <= packet.length;
  if (!isOurs) return undefined;
  const whole = packet.subarray(0, IPV6_HEADER_SIZE + size);
  if (checksum(whole) !== 0) return undefined;
  const flags = view.getUint8(44);
  return {
    source: formatIp(packet.subarray(8, 24)),
    destination: formatIp(packet.subarray(24, 40)),
    target: formatIp(packet.subarray(48, 64)),
    mac: readMacOption(whole.subarray(64)),
    isRouter: (flags & FLAG_ROUTER) !== 0,
    isSolicited: (flags & FLAG_SOLICITED) !== 0,
    isOverride: (flags & FLAG_OVERRIDE) !== 0,
  };
}

/**
 * A frame that tells every node of the network that `mac` has `address` now (RFC 4861, section 7.2.6), as the kernel
 * sends it by itself (ndisc_send_unsol_na, net/ipv6/ndisc.c).
 *
 * @param isRouter what the address' owner is; hosts drop a router that says it is none
 */
export function encodeUnsolicitedAdvertisement(address: string, mac: string, isRouter: boolean): Uint8Array {
  const payload = encodeNeighbourAdvertisement({
    source: address,
    destination: ALL_NODES,
    target: address,
    mac,
    isRouter,
    isSolicited: false,
    isOverride: true,
  });
  return encodeFrame({ destination: ALL_NODES_MAC, source: mac, type: ETH_P_IPV6, payload });
}

/** ICMPv6's checksum (RFC 4443, section 2.3) of a whole packet; 0 when the one in it is right. */
function checksum(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  // The pseudo header: both addresses, the length, and the kind of payload.
  let sum = packet.length - IPV6_HEADER_SIZE + ICMPV6;
  for (let at = 8; at + 1 < packet.length; at += 2) sum += view.getUint16(at);
  if (packet.length % 2 === 1) sum += view.getUint8(packet.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function readMacOption(options: Uint8Array): string | undefined {
  for (let rest = options; rest.length >= OPTION_UNIT; ) {
    const [type, units = 0] = rest;
    if (units === 0) return undefined;
    if (type === TARGET_LINK_LAYER_ADDRESS && units === 1) return formatMac(rest.subarray(2, 8));
    rest = rest.subarray(units * OPTION_UNIT);
  }
  return undefined;
}

function parseIpv6(text: string): Uint8Array {
  const { family, bytes } = parseIp(text, "address in a neighbour advertisement");
  if (family === AF_INET6) return bytes;
  throw new InvalidValueError("address in a neighbour advertisement", text, "an IPv6 address");
}
