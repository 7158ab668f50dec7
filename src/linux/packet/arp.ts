import { InvalidValueError } from "../../model/errors.ts";
import { AF_INET, formatIp, formatMac, parseIp, parseMac } from "../route/ip.ts";
import { type NameOrNumber, nameOf, numberOf } from "../route/names.ts";
import { ETH_P_ARP, encodeFrame } from "./ethernet.ts";

/** RFC 826, for IPv4 over Ethernet: 8 bytes of header, then sender and target, a MAC and an IP address each. */
const PACKET_SIZE = 28;
const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const OPERATIONS = { request: 1, reply: 2 } as const;

const BROADCAST = "ff:ff:ff:ff:ff:ff";
const NOBODY = "00:00:00:00:00:00";

/** One ARP packet of IPv4 over Ethernet. */
export interface ArpPacket {
  readonly operation: NameOrNumber<keyof typeof OPERATIONS>;
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
}

/** The bytes of a packet, without the Ethernet header. Throws InvalidValueError. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(PACKET_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HARDWARE_ETHERNET);
  view.setUint16(2, PROTOCOL_IPV4);
  view.setUint8(4, 6);
  view.setUint8(5, 4);
  view.setUint16(6, numberOf("ARP operation", OPERATIONS, packet.operation, 0xffff));
  bytes.set(parseMac(packet.senderMac), 8);
  bytes.set(parseIpv4(packet.senderAddress), 14);
  bytes.set(parseMac(packet.targetMac), 18);
  bytes.set(parseIpv4(packet.targetAddress), 24);
  return bytes;
}

/** Reads a packet behind its Ethernet header; undefined when it is not of IPv4 over Ethernet. */
export function decodeArp(bytes: Uint8Array): ArpPacket | undefined {
  if (bytes.length < PACKET_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isKnown =
    view.getUint16(0) === HARDWARE_ETHERNET &&
    view.getUint16(2) === PROTOCOL_IPV4 &&
    view.getUint8(4) === 6 &&
    view.getUint8(5) === 4;
  if (!isKnown) return undefined;
  return {
    operation: nameOf(OPERATIONS, view.getUint16(6)),
    senderMac: formatMac(bytes.subarray(8, 14)),
    senderAddress: formatIp(bytes.subarray(14, 18)),
    targetMac: formatMac(bytes.subarray(18, 24)),
    targetAddress: formatIp(bytes.subarray(24, 28)),
  };
}

/**
 * A frame that tells everybody on the network that `mac` has `address` now: an ARP announcement (RFC 5227, section
 * 2.3), which is a request for one's own address. Whoever knows the address by another MAC takes this one; the same
 * form is what the kernel sends by itself (inetdev_send_gratuitous_arp, net/ipv4/devinet.c).
 */
export function encodeGratuitousArp(address: string, mac: string): Uint8Array {
  const payload = encodeArp({
    operation: "request",
    senderMac: mac,
    senderAddress: address,
    targetMac: NOBODY,
    targetAddress: address,
  });
  return encodeFrame({ destination: BROADCAST, source: mac, type: ETH_P_ARP, payload });
}

function parseIpv4(text: string): Uint8Array {
  const { family, bytes } = parseIp(text, "address in an ARP packet");
  if (family === AF_INET) return bytes;
  throw new InvalidValueError("address in an ARP packet", text, "an IPv4 address");
}
