/** Entries of neighbour and forwarding tables (include/uapi/linux/rtnetlink.h, neighbour.h), in the kernel's spelling. */

import type { AttributeReader } from "../netlink/attribute.ts";
import { viewOf } from "../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

/** struct ndmsg: family, padding, link index, state, flags, type. */
export const HEADER_SIZE = 12;

export const NDA_DST = 1;
export const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;
export const NDA_VLAN = 5;
export const NDA_IFINDEX = 8;
export const NDA_MASTER = 9;
export const NDA_PROTOCOL = 12;

export const NTF_SELF = 0x02;
export const NTF_MASTER = 0x04;
export const NTF_PROXY = 0x08;
export const NTF_EXT_LEARNED = 0x10;
export const NTF_OFFLOADED = 0x20;
export const NTF_STICKY = 0x40;
export const NTF_ROUTER = 0x80;

/** NUD_*: bits, of which an entry has one. */
export const STATES = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const;

/** The states in which the kernel sends to a neighbour (include/net/neighbour.h). */
export const NUD_VALID = 0xde;

/** struct nda_cacheinfo: since confirmed, used and updated in hundredths of seconds, and a count of references. */
const CACHE_INFO_SIZE = 16;
const CLOCK_TICK_MS = 10;

/** What the fixed structure holds. */
export interface NeighbourHeader {
  readonly family: number;
  readonly link: number;
  readonly state: number;
  readonly flags: number;
}

/** A struct ndmsg; what is absent is 0. Throws InvalidValueError. */
export function encodeHeader({
  family = 0,
  link = 0,
  state = 0,
  flags = 0,
}: Partial<NeighbourHeader>): Uint8Array {
  const header = new Uint8Array(HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint8(0, family);
  view.setInt32(4, wholeNumber("link of a neighbour", link, 0, MOST_INDEX), true);
  view.setUint16(8, state, true);
  view.setUint8(10, flags);
  return header;
}

/** Reads a struct ndmsg of at least HEADER_SIZE bytes. */
export function readHeader(header: DataView): NeighbourHeader {
  return {
    family: header.getUint8(0),
    link: header.getInt32(4, true),
    state: header.getUint16(8, true),
    flags: header.getUint8(10),
  };
}

/** How long ago an entry was confirmed, used and changed, in milliseconds; a neighbour's and a bridge's alike. */
export function readAges(attributes: AttributeReader): {
  sinceConfirmed: number | undefined;
  sinceUsed: number | undefined;
  sinceUpdated: number | undefined;
} {
  const info = viewOf(attributes.bytes(NDA_CACHEINFO), CACHE_INFO_SIZE);
  const age = (at: number) => (info === undefined ? undefined : info.getUint32(at, true) * CLOCK_TICK_MS);
  return { sinceConfirmed: age(0), sinceUsed: age(4), sinceUpdated: age(8) };
}
