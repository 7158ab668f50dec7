import assert from "node:assert/strict";
import test from "node:test";
import { describeMissing } from "../../../src/linux/capabilities.ts";

const everything = {
  qdiscs: new Set(["htb", "tbf", "fq_codel", "bfifo", "ingress", "clsact"]),
  filters: new Set(["u32", "matchall"]),
  actions: new Set(["mirred", "police"]),
  linkKinds: new Set(["ifb"]),
};

test("of a kernel that has everything nothing is said", () => {
  assert.deepEqual(describeMissing(everything), []);
});

test("what a kernel lacks is said as lacking, with what follows", () => {
  const qdiscs = new Set([...everything.qdiscs].filter((kind) => kind !== "fq_codel"));
  assert.deepEqual(describeMissing({ ...everything, qdiscs }), [
    "this kernel has no qdisc fq_codel: the flows of a pod share one bfifo queue",
  ]);
});

test("one of two filters that do the same is enough, and without both nothing holds what arrives", () => {
  for (const kind of ["u32", "matchall"]) {
    assert.deepEqual(describeMissing({ ...everything, filters: new Set([kind]) }), []);
  }
  assert.deepEqual(describeMissing({ ...everything, filters: new Set() }), [
    "this kernel has neither the filter u32 nor matchall: packets that arrive are not limited at all",
  ]);
});
