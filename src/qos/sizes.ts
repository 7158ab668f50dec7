import { type Burst, burstBytes } from "../model/quantity.ts";

/** What a link decides about sizes. Bytes. */
export interface LinkSizes {
  readonly mtu: number;
  /** Largest packet the link can be handed before segmentation. */
  readonly gsoMaxSize: number;
}

/** Ethernet header and one VLAN tag: what a frame has above the MTU. */
const FRAME_OVERHEAD = 18;
/** The largest packet without BIG TCP (GSO_LEGACY_MAX_SIZE, include/linux/netdevice.h). */
const LARGEST_PACKET = 65536;
const MAX_UINT32 = 0xffffffff;

const DEFAULT_BURST_MS = 10;
const QUEUE_MS = 25;
/** A loss must still be followed by enough packets for the sender to notice it without a time-out. */
const LEAST_QUEUED_FRAMES = 16;
const GSO_MS = 2;

/** HTB warns outside these (net/sched/sch_htb.c, htb_change_class). */
const LEAST_QUANTUM = 1000;
const LARGEST_QUANTUM = 200_000;

/** Bytes of one full frame on the link. */
export function frameSize(link: LinkSizes): number {
  return link.mtu + FRAME_OVERHEAD;
}

/**
 * Bytes of a bucket at `rate` bits per second: what the class says, else 10 ms of the rate and two full
 * packets at least. Never below one frame, or no full packet would pass.
 */
export function bucketSize(burst: Burst | undefined, rate: number, link: LinkSizes): number {
  const wanted =
    burst === undefined ? Math.max(bytesIn(DEFAULT_BURST_MS, rate), 2 * link.mtu) : burstBytes(burst, rate);
  return Math.min(Math.max(Math.ceil(wanted), frameSize(link)), MAX_UINT32);
}

/**
 * Largest packet in bytes the link shall be handed when it sends at `rate`: 2 ms of the rate, so that one
 * packet neither fills a queue nor exceeds the rate for long; two full packets at least.
 */
export function gsoSize(rate: number, link: LinkSizes): number {
  const largest = Math.min(link.gsoMaxSize, LARGEST_PACKET);
  return Math.min(Math.max(Math.ceil(bytesIn(GSO_MS, rate)), 2 * link.mtu), largest);
}

/**
 * Bytes that may wait at `rate`: 25 ms of the rate, and always two of the largest packets that come, because
 * a queue smaller than a packet drops every such packet.
 */
export function queueLimit(rate: number, largestPacket: number, link: LinkSizes): number {
  const least = Math.max(2 * largestPacket, LEAST_QUEUED_FRAMES * frameSize(link));
  return Math.min(Math.max(Math.ceil(bytesIn(QUEUE_MS, rate)), least), MAX_UINT32);
}

/** Bytes HTB serves a class before the next has its turn: one of its largest packets. */
export function quantum(largestPacket: number): number {
  return Math.min(Math.max(largestPacket, LEAST_QUANTUM), LARGEST_QUANTUM);
}

/** The rate the kernel will hold, in bits per second: it counts whole bytes per second. */
export function enforceableRate(rate: number): number {
  return Math.max(1, Math.round(rate / 8)) * 8;
}

/** Bytes that `rate` bits per second bring in a time. */
export function bytesIn(milliseconds: number, rate: number): number {
  return (rate * milliseconds) / 8_000;
}
