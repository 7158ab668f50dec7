import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesLabels } from "../../../src/model/label-selector.ts";

const labels = { tier: "front", zone: "a" };
const cases = [
  ["In", ["front", "back"], "tier", true],
  ["In", ["back"], "tier", false],
  ["In", ["x"], "absent", false],
  ["NotIn", ["back"], "tier", true],
  ["NotIn", ["front"], "tier", false],
  ["NotIn", ["x"], "absent", true],
  ["Exists", [], "tier", true],
  ["Exists", [], "absent", false],
  ["DoesNotExist", [], "absent", true],
  ["DoesNotExist", [], "tier", false],
] as const;

for (const [operator, values, key, expected] of cases) {
  test(`${key} ${operator} [${values}] ${expected ? "holds" : "does not hold"}`, () => {
    assert.equal(
      matchesLabels({ matchLabels: {}, matchExpressions: [{ key, operator, values }] }, labels),
      expected,
    );
  });
}

test("every label and every expression must hold", () => {
  const exists = { key: "zone", operator: "Exists", values: [] } as const;
  assert.equal(matchesLabels({ matchLabels: { tier: "front" }, matchExpressions: [exists] }, labels), true);
  assert.equal(matchesLabels({ matchLabels: { tier: "back" }, matchExpressions: [exists] }, labels), false);
});
