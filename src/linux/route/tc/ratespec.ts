/**
 * Rates and bursts as the kernel's token buckets take them. Here rates are bits per second and bursts bytes;
 * the kernel counts bytes per second and, for bursts, the time a burst takes at its rate.
 */
import { MAX_UINT32 } from "../../whole-number.ts";

/** struct tc_ratespec (include/uapi/linux/pkt_sched.h). */
export const RATESPEC_SIZE = 12;

const TC_LINKLAYER_ETHERNET = 1;
/** iproute2's value for packets up to 2047 bytes; the kernel wants it non-zero and no longer calculates with it. */
const DEFAULT_CELL_LOG = 3;

/** One psched tick: 64 ns (PSCHED_SHIFT is 6 in include/net/pkt_sched.h; /proc/net/psched shows it). */
const TICK_NANOSECONDS = 64;

/** Bytes per second of a rate in bits per second; never 0, which the kernel refuses. */
export function toBytesPerSecond(rate: number): number {
  return Math.max(1, Math.round(rate / 8));
}

/**
 * Writes struct tc_ratespec at `offset`. The link layer is said to be Ethernet, so that the kernel calculates
 * transmission times itself and asks for no rate table (qdisc_get_rtab and __detect_linklayer in
 * net/sched/sch_api.c). A rate above 2^32-1 bytes/s also needs its 64-bit attribute: see `rate64`.
 */
export function writeRateSpec(
  view: DataView,
  offset: number,
  rate: number,
  cellLog = DEFAULT_CELL_LOG,
): void {
  view.setUint8(offset, cellLog);
  view.setUint8(offset + 1, TC_LINKLAYER_ETHERNET);
  view.setUint16(offset + 2, 0, true); // overhead
  view.setInt16(offset + 4, -1, true); // cell_align, as iproute2 sends it
  view.setUint16(offset + 6, 0, true); // mpu: no minimum packet unit
  view.setUint32(offset + 8, Math.min(toBytesPerSecond(rate), MAX_UINT32), true);
}

/** The value of TCA_*_RATE64 in bytes per second, or undefined when the 32-bit field holds the rate. */
export function rate64(rate: number): bigint | undefined {
  const bytes = toBytesPerSecond(rate);
  return bytes > MAX_UINT32 ? BigInt(bytes) : undefined;
}

/** Bits per second from struct tc_ratespec and its 64-bit attribute, which wins where there is one. */
export function readRate(view: DataView, offset: number, wide: bigint | undefined): number {
  return Number(wide ?? BigInt(view.getUint32(offset + 8, true))) * 8;
}

/** Ticks that `burst` bytes take at `rate` bits per second; at most what 32 bits hold (4.5 minutes). */
export function burstToTicks(burst: number, rate: number): number {
  const seconds = burst / toBytesPerSecond(rate);
  return Math.min(MAX_UINT32, Math.round((seconds * 1e9) / TICK_NANOSECONDS));
}

/** Bytes sent in `ticks` at `rate` bits per second: a burst read back is right within `bytesPerTick`. */
export function ticksToBurst(ticks: number, rate: number): number {
  return Math.round((ticks * TICK_NANOSECONDS * toBytesPerSecond(rate)) / 1e9);
}

/** Bytes that pass in one tick at `rate` bits per second: the grain of a burst the kernel reports. */
export function bytesPerTick(rate: number): number {
  return Math.max(1, Math.ceil((TICK_NANOSECONDS * toBytesPerSecond(rate)) / 1e9));
}

/** Ticks that `burst` packets take at `rate` packets per second. */
export function packetsToTicks(burst: number, rate: number): number {
  return Math.round((burst / rate) * (1e9 / TICK_NANOSECONDS));
}

/** Packets sent in `ticks` at `rate` packets per second. */
export function ticksToPackets(ticks: number, rate: number): number {
  return Math.round((ticks * TICK_NANOSECONDS * rate) / 1e9);
}
