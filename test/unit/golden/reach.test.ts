import assert from "node:assert/strict";
import test from "node:test";
import { countCalls } from "../../fuzz/decoders.ts";

/** Encoders without a case, by `file name`, and why. */
const WITHOUT_CASE: Readonly<Record<string, string>> = {
  "src/linux/route/addresses.ts prepareFind": "iproute2 only lists addresses",
  "src/linux/route/address.ts encodeAddressRequest": "iproute2 only lists addresses",
  "src/linux/route/tc/fq.ts encodePriorityBands": "iproute2 before 6.7 has no words for it",
  "src/linux/route/tc/fq.ts encodeWeights": "iproute2 before 6.7 has no words for it",
};

/** A function that puts a request together, or a part of one; `write` is that of a field in a table. */
const ENCODER = /^src\/linux\/(?:route|generic)\/\S+ #?(?:encode|write|prepare)(?:[A-Z]\w*)?$/;

test("every encoder of rtnetlink, devlink and ethtool has a case, but for those that are listed", async () => {
  const counter = countCalls();
  // Loaded behind the counter, because what was loaded before it is not counted.
  const { caseFiles, loadCases } = await import("../../golden/captured.ts");
  const { recordRequest } = await import("../../golden/record.ts");
  for (const file of caseFiles()) {
    for (const golden of await loadCases(file)) await recordRequest(golden);
  }
  const calls = counter.take();
  const encoders = [...calls].filter(([key]) => ENCODER.test(key));
  assert.ok(encoders.length > 150, `only ${encoders.length} encoders were found`);
  const unreached = encoders.filter(([, count]) => count === 0).map(([key]) => key);
  assert.deepEqual(
    unreached.toSorted(),
    Object.keys(WITHOUT_CASE).toSorted(),
    "add cases in test/golden/cases",
  );
});
