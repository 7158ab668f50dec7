import { numberOfWord } from "../names.ts";

/** Flags that say where a filter runs (include/uapi/linux/pkt_cls.h). */
const TCA_CLS_FLAGS_SKIP_HW = 1;
const TCA_CLS_FLAGS_SKIP_SW = 2;
const TCA_CLS_FLAGS_IN_HW = 4;
const TCA_CLS_FLAGS_NOT_IN_HW = 8;

/** What the kernel tells in them and refuses to be told (tc_flags_valid, include/net/pkt_cls.h). */
export const REPORTED_FLAGS = TCA_CLS_FLAGS_IN_HW | TCA_CLS_FLAGS_NOT_IN_HW;

/** Where a filter may run: in the kernel alone, in the card alone, or, when absent, in whatever takes it. */
export type RunsIn = "software" | "hardware";

const codes = { software: TCA_CLS_FLAGS_SKIP_HW, hardware: TCA_CLS_FLAGS_SKIP_SW } as const;

/** The flags for what was wanted; undefined where none are needed. Throws InvalidValueError. */
export function encodeRunsIn(runsIn: RunsIn | undefined): number | undefined {
  return runsIn === undefined ? undefined : numberOfWord("runsIn of a filter", codes, runsIn);
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
