import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planAttachment } from "../../../src/attachment/plan.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import type { NodeFacts } from "../../../src/attachment/types/node-facts.ts";
import type { QosClass } from "../../../src/model/qos-class.ts";

const node: NodeFacts = {
  link: undefined,
  newIndex: 77,
  capabilities: {
    qdiscs: new Set(["htb", "tbf", "bfifo", "ingress"]),
    filters: new Set(["u32"]),
    actions: new Set(["mirred"]),
    linkKinds: new Set(["ifb", "veth"]),
    missing: [],
  },
};
const gold: QosClass = {
  kind: "QosClass",
  name: "gold",
  egress: { ceiling: 50_000_000 },
  ingress: {},
  priority: 0,
};
const ptp = { type: "ptp", configuration: { name: "n" } };
const portmap = { type: "portmap", configuration: { name: "n" } };
const request: AttachmentRequest = {
  pod: { namespace: "default", name: "one", uid: "1" },
  interfaceName: "net1",
  podNetworkName: "over",
  link: { type: "plugin", program: ptp },
  addresses: [],
  routes: [],
  cniArgs: "K8S_POD_NAME=one",
};

describe("planning a link that a program makes", () => {
  test("runs its program first, holds what that made to its class, and then runs the others", () => {
    const owner = { sandbox: "box", interfaceName: "eth0", network: "cluster" };
    const steps = planAttachment({ ...request, owner, qosClass: gold, programs: [portmap] }, node);
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["runProgram", "shape", "runProgram"],
    );
    const common = { kind: "runProgram", name: "net1", containerId: "box", args: "K8S_POD_NAME=one" };
    assert.deepEqual(steps[0], { ...common, program: ptp, makesLink: true });
    assert.deepEqual(steps[2], { ...common, program: portmap, makesLink: false });
  });

  test("sets the MAC address and MTU that the network's tuning asks for on what the program made", () => {
    const tuning = { isPromiscuous: true };
    const steps = planAttachment({ ...request, mac: "02:00:00:00:00:07", mtu: 1300, tuning }, node);
    assert.deepEqual(steps.slice(1), [
      { kind: "tune", link: "net1", isPromiscuous: true, mac: "02:00:00:00:00:07", mtu: 1300 },
    ]);
  });

  test("speaks of the pod itself where no runtime named a sandbox", () => {
    const [first] = planAttachment(request, node);
    assert.equal(first?.kind === "runProgram" && first.containerId, "1");
  });
});
