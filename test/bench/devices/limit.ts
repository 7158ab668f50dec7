import type { Row } from "../benchmark.ts";
import { type Measured, makeRow } from "../report.ts";

/**
 * A row that is held against a figure in its own unit, where the bar is no multiple of what somebody else takes: the
 * figure stands in the peer's place, and the ratio must not be above 1.
 */
export function makeLimitedRow(measured: Omit<Measured, "peer" | "bar">, limit: number): Row {
  return makeRow({ ...measured, peer: { name: "limit", value: limit }, bar: 1 });
}
