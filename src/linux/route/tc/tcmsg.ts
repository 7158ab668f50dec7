import { putUint32 } from "../../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../../whole-number.ts";

/** Message types of queueing disciplines, classes and filters (include/uapi/linux/rtnetlink.h). */
export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;
export const RTM_NEWTCLASS = 40;
export const RTM_DELTCLASS = 41;
export const RTM_GETTCLASS = 42;
export const RTM_NEWTFILTER = 44;
export const RTM_DELTFILTER = 45;
export const RTM_GETTFILTER = 46;

/** Handles with a meaning of their own (include/uapi/linux/pkt_sched.h). */
export const TC_H_UNSPEC = 0;
export const TC_H_ROOT = 0xffffffff;
const TC_H_INGRESS = 0xfffffff1;
const TC_H_MIN_INGRESS = 0xfff2;
const TC_H_MIN_EGRESS = 0xfff3;
/** The handle that `ingress` and `clsact` always have, `ffff:`. */
export const INGRESS_HANDLE = 0xffff0000;

const FILTER_INGRESS = (INGRESS_HANDLE | TC_H_MIN_INGRESS) >>> 0;
const FILTER_EGRESS = (INGRESS_HANDLE | TC_H_MIN_EGRESS) >>> 0;

/** Size of struct tcmsg (include/uapi/linux/rtnetlink.h). */
export const TCMSG_SIZE = 20;

/** struct tcmsg: which object of which link. */
export interface TcMessage {
  /** Index of the link. */
  readonly link: number;
  readonly handle: number;
  readonly parent: number;
  /** Filters: priority in the upper half, protocol in network order in the lower. Otherwise 0. */
  readonly info: number;
}

/** Encodes struct tcmsg: family and padding, ifindex, handle, parent, info. Throws InvalidValueError. */
export function encodeTcmsg(message: TcMessage): Uint8Array {
  const bytes = new Uint8Array(TCMSG_SIZE);
  putUint32(bytes, 4, wholeNumber("link of a tc object", message.link, 0, MOST_INDEX));
  putUint32(bytes, 8, wholeNumber("handle of a tc object", message.handle));
  putUint32(bytes, 12, wholeNumber("parent of a tc object", message.parent));
  putUint32(bytes, 16, message.info);
  return bytes;
}

/** Decodes struct tcmsg; undefined when the bytes are too short for one. */
export function decodeTcmsg(bytes: Uint8Array): TcMessage | undefined {
  if (bytes.length < TCMSG_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    link: view.getInt32(4, true),
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
    info: view.getUint32(16, true),
  };
}

/**
 * The handle `major:minor` as the kernel's 32-bit number; a qdisc has the minor 0. Throws InvalidValueError where one
 * of them has more than 16 bits.
 */
export function tcHandle(major: number, minor = 0): number {
  const upper = wholeNumber("major of a handle", major, 0, 0xffff);
  return ((upper << 16) | wholeNumber("minor of a handle", minor, 0, 0xffff)) >>> 0;
}

/** A handle as people write it: `1:`, `1:10`, `root`. */
export function formatHandle(handle: number): string {
  if (handle === TC_H_ROOT) return "root";
  const minor = handle & 0xffff;
  return `${(handle >>> 16).toString(16)}:${minor === 0 ? "" : minor.toString(16)}`;
}

/**
 * Where a qdisc hangs: under the link itself, at its ingress hook (`ingress` and `clsact` share the place and
 * exclude each other), or under the class with this handle.
 */
export type QdiscParent = "root" | "ingress" | "clsact" | number;

/** Where a class hangs: directly under its qdisc, or under the class with this handle. */
export type ClassParent = "root" | number;

/** Where a filter hangs: at a hook of `ingress` or `clsact`, or at the qdisc or class with this handle. */
export type FilterParent = "ingress" | "egress" | number;

/** The number of a qdisc's or class's parent. */
export function encodeParent(parent: QdiscParent): number {
  if (parent === "root") return TC_H_ROOT;
  return parent === "ingress" || parent === "clsact" ? TC_H_INGRESS : parent;
}

/** A qdisc's parent; its kind tells `ingress` and `clsact` apart. */
export function decodeParent(parent: number, kind: string): QdiscParent {
  if (parent === TC_H_ROOT) return "root";
  if (parent === TC_H_INGRESS) return kind === "clsact" ? "clsact" : "ingress";
  return parent;
}

/** The number of a filter's parent. */
export function encodeFilterParent(parent: FilterParent): number {
  if (parent === "ingress") return FILTER_INGRESS;
  return parent === "egress" ? FILTER_EGRESS : parent;
}

/** A filter's parent; the bare handle of the ingress qdisc means its one hook. */
export function decodeFilterParent(parent: number): FilterParent {
  if (parent === FILTER_INGRESS || parent === INGRESS_HANDLE) return "ingress";
  return parent === FILTER_EGRESS ? "egress" : parent;
}
