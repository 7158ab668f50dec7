/** Flags that say where a filter runs (include/uapi/linux/pkt_cls.h). */
const TCA_CLS_FLAGS_SKIP_HW = 1;
const TCA_CLS_FLAGS_SKIP_SW = 2;
const TCA_CLS_FLAGS_IN_HW = 4;

/** Where a filter may run: in the kernel alone, in the card alone, or, when absent, in whatever takes it. */
export type RunsIn = "software" | "hardware";

/** The flags for what was wanted; undefined where none are needed. */
export function encodeRunsIn(runsIn: RunsIn | undefined): number | undefined {
  if (runsIn === undefined) return undefined;
  return runsIn === "software" ? TCA_CLS_FLAGS_SKIP_HW : TCA_CLS_FLAGS_SKIP_SW;
}

/** What was wanted, from the flags the kernel reports. */
export function decodeRunsIn(flags: number | undefined): RunsIn | undefined {
  if (((flags ?? 0) & TCA_CLS_FLAGS_SKIP_HW) !== 0) return "software";
  return ((flags ?? 0) & TCA_CLS_FLAGS_SKIP_SW) !== 0 ? "hardware" : undefined;
}

/** True when the card has taken the filter. */
export function isInHardware(flags: number | undefined): boolean {
  return ((flags ?? 0) & TCA_CLS_FLAGS_IN_HW) !== 0;
}
