import assert from "node:assert/strict";
import test from "node:test";
import { diffTrees } from "../../../src/qos/diff.ts";
import { planQos, type QosPlan } from "../../../src/qos/plan.ts";
import type { QosObject } from "../../../src/qos/tree.ts";
import { kernelWithout, LINK, qosClass } from "./world.ts";

const treeOf = ({ egress, ingress }: QosPlan) => [...egress, ...ingress];
const plan = (egress: number | undefined, ingress: number | undefined, ...absent: string[]) =>
  treeOf(
    planQos(
      qosClass({
        egress: egress === undefined ? {} : { ceiling: egress },
        ingress: ingress === undefined ? {} : { ceiling: ingress },
      }),
      LINK,
      kernelWithout("fq_codel", ...absent),
    ),
  );
const steps = (from: readonly QosObject[], to: readonly QosObject[]) =>
  diffTrees(from, to).map(
    ({ do: verb, object }) => `${verb} ${object.object} ${object.spec.kind} ${object.spec.link}`,
  );

const cases = [
  { title: "identical trees need nothing", from: plan(50e6, 30e6), to: plan(50e6, 30e6), expected: [] },
  {
    title: "a tree is made parents first, the redirect last",
    from: [],
    to: plan(50e6, 30e6),
    expected: [
      "replace qdisc htb pod",
      "replace class htb pod",
      "replace qdisc bfifo pod",
      "replace qdisc tbf ifb",
      "replace qdisc ingress pod",
      "replace filter u32 pod",
    ],
  },
  {
    title: "a tree is removed in the other order, children with their parents",
    from: plan(50e6, 30e6),
    to: [],
    expected: ["delete qdisc ingress pod", "delete qdisc tbf ifb", "delete qdisc htb pod"],
  },
  {
    title: "another rate changes class and queue in place",
    from: plan(50e6, 30e6),
    to: plan(200e6, 30e6),
    expected: ["change class htb pod", "change qdisc bfifo pod"],
  },
  {
    title: "another ingress rate changes tbf in place",
    from: plan(50e6, 30e6),
    to: plan(50e6, 60e6),
    expected: ["change qdisc tbf ifb"],
  },
  {
    title: "a policer changes in place",
    from: plan(undefined, 30e6, "ifb"),
    to: plan(undefined, 60e6, "ifb"),
    expected: ["change filter u32 pod"],
  },
  {
    title: "a policer in a filter the kernel cannot change is made anew",
    from: plan(undefined, 30e6, "ifb", "u32"),
    to: plan(undefined, 60e6, "ifb", "u32"),
    expected: ["delete filter matchall pod", "replace filter matchall pod"],
  },
  {
    title: "a direction that is no longer limited is removed, the other untouched",
    from: plan(50e6, 30e6),
    to: plan(50e6, undefined),
    expected: ["delete qdisc ingress pod", "delete qdisc tbf ifb"],
  },
  {
    title: "htb gives its place to tbf in one step",
    from: plan(50e6, undefined),
    to: plan(50e6, undefined, "htb"),
    expected: ["replace qdisc tbf pod"],
  },
  {
    title: "tbf gives its place to htb, whose class and queue are made anew",
    from: plan(50e6, undefined, "htb"),
    to: plan(50e6, undefined),
    expected: ["replace qdisc htb pod", "replace class htb pod", "replace qdisc bfifo pod"],
  },
  {
    title: "from policing to queueing the queue is there before the filter leads to it",
    from: plan(undefined, 30e6, "ifb"),
    to: plan(undefined, 30e6),
    expected: ["replace qdisc tbf ifb", "change filter u32 pod"],
  },
  {
    title: "from queueing to policing the queue goes after the filter has left it",
    from: plan(undefined, 30e6),
    to: plan(undefined, 30e6, "ifb"),
    expected: ["change filter u32 pod", "delete qdisc tbf ifb"],
  },
  {
    title: "a hook that gives its place to the other kind goes first, and its filter is made anew",
    from: plan(undefined, 30e6),
    to: plan(undefined, 30e6, "ingress"),
    expected: ["delete qdisc ingress pod", "replace qdisc clsact pod", "replace filter u32 pod"],
  },
  {
    title: "a filter of another kind is there before the old one goes",
    from: plan(undefined, 30e6),
    to: plan(undefined, 30e6, "u32"),
    expected: ["replace filter matchall pod", "delete filter u32 pod"],
  },
];
for (const { title, from, to, expected } of cases) {
  test(title, () => assert.deepEqual(steps(from, to), expected));
}

test("another default class, which htb cannot change, makes htb anew with all under it", () => {
  const from = plan(50e6, undefined);
  const to = from.map((object) =>
    object.object === "qdisc" && object.spec.kind === "htb"
      ? { ...object, spec: { ...object.spec, default: 0x20 } }
      : object,
  );
  assert.deepEqual(steps(from, to), [
    "delete qdisc htb pod",
    "replace qdisc htb pod",
    "replace class htb pod",
    "replace qdisc bfifo pod",
  ]);
});

test("a tree read from a journal equals the tree that was planned", () => {
  const tree = plan(50e6, 30e6);
  assert.deepEqual(diffTrees(JSON.parse(JSON.stringify(tree)), tree), []);
});
