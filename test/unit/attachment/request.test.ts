import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AttachmentRequest, differsOnlyInQos, sameRequest } from "../../../src/attachment/request.ts";
import type { QosClass } from "../../../src/model/qos-class.ts";

const request: AttachmentRequest = {
  pod: { namespace: "default", name: "one", uid: "1" },
  interfaceName: "net1",
  podNetworkName: "over",
  link: { type: "macvlan", parent: "up", mode: "bridge" },
  addresses: ["10.0.0.2/24"],
  routes: [],
};
const gold: QosClass = {
  kind: "QosClass",
  name: "gold",
  egress: { ceiling: 50_000_000 },
  ingress: {},
  priority: 0,
};

describe("two requests", () => {
  test("are the same whatever the order of their words, and however an absent one is written", () => {
    const { pod, ...others } = request;
    const { mode, parent, type } = request.link as { mode: "bridge"; parent: string; type: "macvlan" };
    const link = { mode, parent, type };
    assert.equal(sameRequest(request, { ...others, link, pod }), true);
    const withAbsent = { ...request, mtu: undefined } as unknown as AttachmentRequest;
    assert.equal(sameRequest(request, withAbsent), true);
    assert.equal(sameRequest(request, { ...request, addresses: ["10.0.0.3/24"] }), false);
  });

  test("do not differ by what was noted of words that mean nothing: the next agent may word it otherwise", () => {
    const noted = { ...request, notes: ["network over: colour means nothing"] };
    assert.equal(sameRequest(request, noted), true);
    assert.equal(differsOnlyInQos(noted, { ...request, qosClass: gold }), true);
  });

  test("differ in nothing but their class, or in more", () => {
    const held = { ...request, qosClass: gold };
    assert.equal(sameRequest(request, held), false);
    assert.equal(differsOnlyInQos(request, held), true);
    assert.equal(differsOnlyInQos(request, { ...held, mtu: 1400 }), false);
  });
});
