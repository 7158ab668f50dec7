import assert from "node:assert/strict";
import test from "node:test";
import {
  caseFiles,
  findCaptured,
  findOrphans,
  HOW_TO_CAPTURE,
  loadCases,
  readCaptured,
} from "../../golden/captured.ts";
import { compareRequests, findFaults } from "../../golden/compare.ts";
import { recordRequest } from "../../golden/record.ts";

/** For each case: what the layer sends is what iproute2 sent in the lab, but for the differences that are wanted. */
for (const file of caseFiles()) {
  test(`${file} as iproute2 asks for them`, async (t) => {
    const cases = await loadCases(file);
    const captured = readCaptured(file);
    for (const golden of cases) {
      await t.test(golden.name, async () => {
        const theirs = findCaptured(captured, golden);
        const differences = compareRequests(await recordRequest(golden), theirs);
        const faults = findFaults(differences, golden.differences);
        assert.deepEqual(faults, [], `ours is not what ${captured?.tools} sends for: ${golden.command}`);
      });
    }
    await t.test("nothing is kept for cases that are gone", () => {
      assert.deepEqual(findOrphans(captured, cases), [], HOW_TO_CAPTURE);
    });
  });
}
