/**
 * Milliseconds of CLOCK_MONOTONIC, which is one clock for all processes of the machine; `performance.now()` counts from
 * each process' own start.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
