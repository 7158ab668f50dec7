import { formatMac, parseMac } from "../route/ip.ts";

/** What a frame carries (include/uapi/linux/if_ether.h). */
export const ETH_P_ARP = 0x0806;
export const ETH_P_IPV6 = 0x86dd;

/** Destination, source, type. */
const HEADER_SIZE = 14;
const TYPE_OFFSET = 12;

/** An Ethernet frame without its checksum and padding, which the link adds. */
export interface EthernetFrame {
  readonly destination: string;
  readonly source: string;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** The bytes of a frame. Throws InvalidValueError for what is no MAC address. */
export function encodeFrame({ destination, source, type, payload }: EthernetFrame): Uint8Array {
  const frame = new Uint8Array(HEADER_SIZE + payload.length);
  frame.set(parseMac(destination));
  frame.set(parseMac(source), 6);
  new DataView(frame.buffer).setUint16(TYPE_OFFSET, type);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

/** Reads a frame; undefined when it is too short for one. */
export function decodeFrame(frame: Uint8Array): EthernetFrame | undefined {
  if (frame.length < HEADER_SIZE) return undefined;
  return {
    destination: formatMac(frame.subarray(0, 6)),
    source: formatMac(frame.subarray(6, TYPE_OFFSET)),
    type: new DataView(frame.buffer, frame.byteOffset).getUint16(TYPE_OFFSET),
    payload: frame.subarray(HEADER_SIZE),
  };
}
