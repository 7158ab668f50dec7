import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempts } from "../../../src/provisioning/attempts.ts";
import type { ProvisioningStep } from "../../../src/provisioning/steps.ts";

const make: readonly ProvisioningStep[] = [{ kind: "setVfCount", count: 4, probes: true }];
const other: readonly ProvisioningStep[] = [{ kind: "setVfCount", count: 2, probes: true }];

test("the same steps wait for their time, others do not", () => {
  const attempts = new Attempts({ leastRetryMs: 60_000, mostRetryMs: 60_000 });
  assert.equal(attempts.objection(make), undefined);
  attempts.fail(make, "busy");
  assert.deepEqual([attempts.objection(make), attempts.objection(other)], ["busy", undefined]);
  attempts.succeed();
  assert.deepEqual([attempts.objection(make), attempts.waitMs], [undefined, undefined]);
});

test("each failure in a row doubles the wait, up to the longest", () => {
  const attempts = new Attempts({ leastRetryMs: 60_000, mostRetryMs: 200_000 });
  const waits = [1, 2, 3, 4].map(() => {
    attempts.fail(make, "busy");
    return Math.round((attempts.waitMs ?? 0) / 10_000);
  });
  assert.deepEqual(waits, [6, 12, 20, 20]);
  attempts.succeed();
  attempts.fail(make, "busy");
  assert.equal(Math.round((attempts.waitMs ?? 0) / 10_000), 6);
});
