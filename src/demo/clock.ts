/** Milliseconds of the kernel's monotonic clock: the same in every process of the machine. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
