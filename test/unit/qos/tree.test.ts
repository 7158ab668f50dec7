import assert from "node:assert/strict";
import test from "node:test";
import { planQos } from "../../../src/qos/plan.ts";
import { placeObject } from "../../../src/qos/tree.ts";
import { kernelWithout, LINK, qosClass } from "./world.ts";

const plan = planQos(
  qosClass({ egress: { ceiling: 1e9 }, ingress: { ceiling: 1e9 } }),
  LINK,
  kernelWithout(),
);

test("placed objects name links by index, also where a filter sends packets", () => {
  const placed = [...plan.egress, ...plan.ingress].map((object) => placeObject(object, { pod: 7, ifb: 8 }));
  assert.deepEqual(
    placed.map(({ object, spec }) => `${object} ${spec.link}`),
    ["qdisc 7", "class 7", "qdisc 7", "qdisc 8", "qdisc 7", "filter 7"],
  );
  const filter = placed.at(-1);
  assert.ok(filter?.object === "filter" && filter.spec.kind === "u32");
  assert.deepEqual(filter.spec.actions, [{ kind: "mirred", mode: "redirect", direction: "egress", link: 8 }]);
});

test("a tree that needs an IFB cannot be placed without one", () => {
  const [tbf] = plan.ingress;
  assert.ok(tbf);
  assert.throws(() => placeObject(tbf, { pod: 7 }), RangeError);
});
