import assert from "node:assert/strict";
import test from "node:test";
import { makeLimitedRow } from "../../../bench/devices/limit.ts";

test("a figure holds its limit up to the limit itself and not above it", () => {
  const measured = { benchmark: "health", measure: "worst", unit: "ms" };
  assert.equal(makeLimitedRow({ ...measured, ours: 50 }, 50).holds, true);
  const above = makeLimitedRow({ ...measured, ours: 51 }, 50);
  assert.deepEqual([above.holds, above.peer, above.peerName], [false, 50, "limit"]);
});
