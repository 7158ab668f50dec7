import { formatRate } from "../model/quantity.ts";

/** Rates may differ by this share of what is configured, after header cost. */
export const RATE_TOLERANCE = 0.03;
/** Counters may differ by this share of the bytes sent. */
export const COUNTER_TOLERANCE = 0.01;

/** One line of the closing table: something expected, what was found, and whether it holds. */
export interface Figure {
  readonly what: string;
  /** Where it was measured. */
  readonly layer: string;
  readonly expected: string;
  readonly measured: string;
  /** Share of what was expected; absent where there is nothing to compare by number. */
  readonly deviation?: number;
  readonly holds: boolean;
}

/** Compares a rate with what is configured, both in bits per second. A rate that was not measured does not hold. */
export function judgeRate(
  what: string,
  layer: string,
  configured: number,
  measured: number | undefined,
): Figure {
  return judge({ what, layer, expected: configured, measured, tolerance: RATE_TOLERANCE, show: formatRate });
}

/** Compares a counter with the bytes sent. */
export function judgeBytes(what: string, layer: string, sent: number, counted: number | undefined): Figure {
  return judge({
    what,
    layer,
    expected: sent,
    measured: counted,
    tolerance: COUNTER_TOLERANCE,
    show: formatBytes,
  });
}

/** Something that is so or is not. */
export function judgeFact(
  what: string,
  layer: string,
  { expected, measured, holds }: Pick<Figure, "expected" | "measured" | "holds">,
): Figure {
  return { what, layer, expected, measured, holds };
}

/** A deviation as people write it: `-0.4 %`. */
export function formatDeviation(deviation: number): string {
  const percent = deviation * 100;
  const digits = Math.abs(percent) < 0.05 ? "0.0" : percent.toFixed(1);
  return `${percent >= 0.05 ? "+" : ""}${digits} %`;
}

/** Bytes with their thousands apart: `12 345 678 bytes`. */
export function formatBytes(bytes: number): string {
  return `${String(Math.round(bytes)).replace(/\B(?=(\d{3})+$)/g, " ")} bytes`;
}

function judge({
  what,
  layer,
  expected,
  measured,
  tolerance,
  show,
}: {
  what: string;
  layer: string;
  expected: number;
  measured: number | undefined;
  tolerance: number;
  show: (value: number) => string;
}): Figure {
  const place = { what, layer, expected: show(expected) };
  if (measured === undefined || !(expected > 0)) return { ...place, measured: "nothing", holds: false };
  const holds = Math.abs(measured - expected) <= tolerance * expected;
  return { ...place, measured: show(measured), deviation: measured / expected - 1, holds };
}
