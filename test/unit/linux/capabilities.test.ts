import assert from "node:assert/strict";
import test from "node:test";
import { describeMissing } from "../../../src/linux/capabilities.ts";

const everything = {
  qdiscs: new Set(["htb", "tbf", "fq", "fq_codel", "bfifo", "ingress", "clsact"]),
  filters: new Set(["u32", "matchall", "flower", "bpf"]),
  actions: new Set(["mirred", "police", "skbedit", "gact"]),
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
    const filters = new Set([kind, "flower", "bpf"]);
    assert.deepEqual(describeMissing({ ...everything, filters }), []);
  }
  assert.deepEqual(describeMissing({ ...everything, filters: new Set(["flower", "bpf"]) }), [
    "this kernel has neither the filter u32 nor matchall: packets that arrive are not limited at all",
  ]);
});

for (const [kinds, sentences] of [
  [["tbf"], ["this kernel has no qdisc tbf: packets that arrive are shaped by htb"]],
  [["ingress"], ["this kernel has no qdisc ingress: clsact takes its place"]],
  [
    ["htb", "tbf"],
    [
      "this kernel has no qdisc htb: packets that leave are not limited at all, because tbf is missing too",
      "this kernel has no qdisc tbf: packets that arrive cannot be queued, only policed, because htb is missing too",
    ],
  ],
  [
    ["ingress", "clsact"],
    [
      "this kernel has no qdisc ingress: packets that arrive are not limited at all, because clsact is missing too",
      "this kernel has no qdisc clsact: no filter sees what a link sends or receives, because ingress is missing too",
    ],
  ],
] as const) {
  test(`nothing takes the place of what is missing as well (${kinds.join(" and ")})`, () => {
    const qdiscs = new Set(everything.qdiscs);
    for (const kind of kinds) qdiscs.delete(kind);
    assert.deepEqual(describeMissing({ ...everything, qdiscs }), sentences);
  });
}
