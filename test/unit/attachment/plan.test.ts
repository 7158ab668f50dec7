import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planAttachment } from "../../../src/attachment/plan.ts";
import { type AttachmentRequest, differsOnlyInQos, sameRequest } from "../../../src/attachment/request.ts";
import { ifbName } from "../../../src/attachment/shaping/plan.ts";
import { hostEndName } from "../../../src/attachment/types/bridge.ts";
import type { NodeFacts } from "../../../src/attachment/types/node-facts.ts";
import type { QosClass } from "../../../src/model/qos-class.ts";

const pod = { namespace: "default", name: "one", uid: "1" };
const node: NodeFacts = {
  link: { name: "up0", mtu: 9000, gsoMaxSize: 65536 },
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
  ingress: { ceiling: 30_000_000 },
  priority: 0,
};
const request: AttachmentRequest = {
  pod,
  interfaceName: "net1",
  podNetworkName: "over",
  link: { type: "macvlan", parent: "up0", mode: "bridge" },
  addresses: ["10.1.0.7/24"],
  routes: [{ destination: "10.9.0.0/16", gateway: "10.1.0.1" }],
};

const kinds = (one: AttachmentRequest) => planAttachment(one, node).map(({ kind }) => kind);

describe("planning an attachment", () => {
  test("makes a macvlan as large as its parent, addresses it, sets it up, and only then routes", () => {
    assert.deepEqual(planAttachment(request, node), [
      {
        kind: "createLink",
        name: "net1",
        index: 77,
        of: { kind: "macvlan", mode: "bridge" },
        parent: "up0",
        mtu: 9000,
      },
      { kind: "announce", link: "net1", families: ["ipv4"] },
      { kind: "addAddress", link: "net1", address: "10.1.0.7/24" },
      { kind: "setUp", link: "net1" },
      { kind: "addRoute", link: "net1", destination: "10.9.0.0/16", gateway: "10.1.0.1" },
    ]);
  });

  test("limits a link before it comes up, so that nothing leaves unshaped", () => {
    const order = kinds({ ...request, qosClass: gold });
    assert.ok(order.indexOf("shape") >= 0 && order.indexOf("shape") < order.indexOf("setUp"));
  });

  test("moves a host device without touching its MTU and MAC unless they are asked for", () => {
    const device = { resource: "lanyard.dev/nics", id: "nic0", container: "main" };
    const link = { type: "hostDevice", link: "nic0", device } as const;
    assert.deepEqual(planAttachment({ ...request, link }, node)[0], {
      kind: "takeLink",
      link: "nic0",
      name: "net1",
    });
    const asked = planAttachment({ ...request, link, mtu: 1400, mac: "02:00:00:00:00:01" }, node)[0];
    assert.deepEqual(asked, {
      kind: "takeLink",
      link: "nic0",
      name: "net1",
      mtu: 1400,
      mac: "02:00:00:00:00:01",
    });
  });

  test("announces in the families the addresses have", () => {
    const announced = (addresses: string[]) =>
      planAttachment({ ...request, addresses }, node).find((step) => step.kind === "announce")?.families;
    assert.deepEqual(announced(["fd00::1/64"]), ["ipv6"]);
    assert.deepEqual(announced(["fd00::1/64", "10.0.0.1/24"]), ["ipv4", "ipv6"]);
    assert.equal(announced([]), undefined);
  });

  test("keeps generated names within the kernel's 15 bytes, stable and apart", () => {
    assert.equal(ifbName("net1"), "ifb-net1");
    const long = ["a-name-of-15-b1", "a-name-of-15-b2"].map(ifbName);
    assert.ok(long.every((name) => name.length <= 15) && long[0] !== long[1]);
    const [one, other] = ["net1", "net2"].map((interfaceName) => hostEndName({ pod, interfaceName }));
    assert.ok(one !== undefined && one.length <= 15 && one !== other);
    assert.equal(one, hostEndName({ pod, interfaceName: "net1" }));
  });
});

describe("comparing requests", () => {
  test("finds a change of class alone, so that it can be made in place", () => {
    const shaped = { ...request, qosClass: gold };
    assert.equal(sameRequest(shaped, request), false);
    assert.equal(differsOnlyInQos(shaped, request), true);
    assert.equal(differsOnlyInQos({ ...shaped, mtu: 1400 }, request), false);
  });

  test("does not mind the order of keys, as after a turn through the journal", () => {
    const { link, addresses, ...rest } = request;
    assert.equal(sameRequest({ addresses, ...rest, link }, request), true);
  });
});
