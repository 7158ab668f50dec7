import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nodeLinkOf, planAttachment, podLinkOf } from "../../../src/attachment/plan.ts";
import type { AttachmentRequest, BridgeRequest, SriovRequest } from "../../../src/attachment/request.ts";
import { hostEndName } from "../../../src/attachment/types/bridge.ts";
import type { NodeFacts } from "../../../src/attachment/types/node-facts.ts";

const node: NodeFacts = {
  link: { name: "up0", mtu: 9000, gsoMaxSize: 65_536 },
  newIndex: 77,
  capabilities: {
    qdiscs: new Set(["htb", "tbf", "bfifo", "ingress"]),
    filters: new Set(["u32"]),
    actions: new Set(["mirred"]),
    linkKinds: new Set(["ifb", "veth"]),
    missing: [],
  },
};
const nothing: NodeFacts = { ...node, link: undefined };
const gold = {
  kind: "QosClass",
  name: "gold",
  egress: { ceiling: 50_000_000 },
  ingress: {},
  priority: 0,
} as const;

function ask(link: AttachmentRequest["link"], more: Partial<AttachmentRequest> = {}): AttachmentRequest {
  return {
    pod: { namespace: "default", name: "one", uid: "1" },
    interfaceName: "net1",
    podNetworkName: "some",
    link,
    addresses: [],
    routes: [],
    ...more,
  };
}

const plan = (link: AttachmentRequest["link"], more: Partial<AttachmentRequest> = {}, facts = node) =>
  planAttachment(ask(link, more), facts);
const kinds = (...parameters: Parameters<typeof plan>) => plan(...parameters).map(({ kind }) => kind);

const setUp = { kind: "setUp", link: "net1" } as const;

describe("links over another", () => {
  test("take the parent's MTU, and stand where the parent is", () => {
    const made = { kind: "createLink", name: "net1", index: 77, parent: "up0" } as const;
    assert.deepEqual(plan({ type: "macvlan", parent: "up0", mode: "vepa", broadcastQueueLength: 9 }), [
      { ...made, of: { kind: "macvlan", mode: "vepa", broadcastQueueLength: 9 }, mtu: 9000 },
      setUp,
    ]);
    const inPod = { type: "ipvlan", parent: "up0", isParentInPod: true, mode: "l3s" } as const;
    assert.deepEqual(plan(inPod, { mtu: 1400 }), [
      { ...made, of: { kind: "ipvlan", mode: "l3s" }, isParentInPod: true, mtu: 1400 },
      setUp,
    ]);
    assert.deepEqual([nodeLinkOf(ask(inPod)), podLinkOf(ask(inPod))], [undefined, "up0"]);
  });

  test("a VLAN's priority is that of every packet, and none is left to the kernel", () => {
    const vlanOf = (qos: number) => {
      const [made] = plan({ type: "vlan", parent: "up0", vlan: { id: 7, qos, protocol: "802.1ad" } });
      return made?.kind === "createLink" ? made.of : undefined;
    };
    assert.deepEqual(vlanOf(0), { kind: "vlan", id: 7, protocol: "802.1ad" });
    assert.deepEqual(vlanOf(5), {
      kind: "vlan",
      id: 7,
      protocol: "802.1ad",
      egressQos: [0, 1, 2, 3, 4, 5, 6, 7].map((from) => ({ from, to: 5 })),
    });
  });

  test("are refused without their parent, and an ipvlan with a MAC address of its own", () => {
    const macvlan = { type: "macvlan", parent: "up9", mode: "bridge" } as const;
    assert.throws(() => plan(macvlan, {}, nothing), {
      code: "not-found",
      message: `no link "up9" in the node's network namespace`,
    });
    assert.throws(() => plan({ ...macvlan, isParentInPod: true }, {}, nothing), {
      message: 'no link "up9" in the pod',
    });
    assert.throws(() => plan({ type: "ipvlan", parent: "up0", mode: "l2" }, { mac: "02:00:00:00:00:01" }), {
      code: "invalid",
      message: /MAC address of interface net1.*an ipvlan has the MAC address of its parent up0/,
    });
  });
});

describe("a VF", () => {
  const sriov: SriovRequest = {
    type: "sriov",
    pciAddress: "0000:01:10.0",
    pf: "eth0",
    vfIndex: 3,
    link: "eth0v3",
    settings: { vlan: { id: 100 }, isTrusted: true },
  };
  const { link: _, ...userspace } = sriov;
  const place = { kind: "configureVf", pf: "eth0", vfIndex: 3, pciAddress: "0000:01:10.0" } as const;

  test("is set through its PF, with its MAC address, before it is moved, and waited for", () => {
    const mac = "02:00:00:00:00:01";
    assert.deepEqual(plan(sriov, { mac, mtu: 1400, addresses: ["10.0.0.2/24"] }), [
      { ...place, link: "eth0v3", settings: { vlan: { id: 100 }, isTrusted: true, mac } },
      { kind: "takeLink", link: "eth0v3", pciAddress: "0000:01:10.0", name: "net1", mtu: 1400 },
      { kind: "announce", link: "net1", families: ["ipv4"] },
      { kind: "addAddress", link: "net1", address: "10.0.0.2/24" },
      setUp,
      { kind: "awaitUsable", link: "net1", addresses: ["10.0.0.2/24"], waitsForCarrier: true },
    ]);
    assert.deepEqual(kinds({ ...sriov, settings: {} }), ["takeLink", "setUp", "awaitUsable"]);
    assert.equal(nodeLinkOf(ask(sriov)), "eth0v3");
  });

  test("that a program drives is set through its PF alone, and what it cannot have is refused", () => {
    const deviceInfo = { source: "/dp/a.json", path: "/cni/a.json" };
    assert.deepEqual(plan(userspace, { addresses: ["10.0.0.2/24"], deviceInfo }, nothing), [
      { ...place, settings: sriov.settings },
      { kind: "deviceInfo", ...deviceInfo },
    ]);
    assert.equal(nodeLinkOf(ask(userspace)), undefined);
    const refused = {
      qosClass: gold,
      tuning: { isPromiscuous: true },
      mtu: 1400,
      defaultGateways: [],
    } as const;
    for (const [name, value] of Object.entries(refused)) {
      const message = /of interface net1, a device that a program drives/;
      assert.throws(() => plan(userspace, { [name]: value }, nothing), { code: "invalid", message }, name);
    }
    assert.throws(() => plan({ type: "hostDevice" }, { mac: "02:00:00:00:00:01" }, nothing), {
      code: "invalid",
    });
  });
});

describe("a bridge", () => {
  const bridge = { isVlanFiltering: true, isPromiscuous: true, isGateway: true, forceAddress: true };
  const link: BridgeRequest = { type: "bridge", parent: "br0", bridge };

  test("is provided, joined, and made the gateway of the subnets that have one", () => {
    const more = {
      mtu: 1400,
      mac: "02:00:00:00:00:01",
      addresses: ["10.1.0.2/24", "fd01::2/64"],
      gateways: ["10.1.0.1", "fd01::1", "192.0.2.1"],
      defaultGateways: [],
    };
    const asked = { ...link, vlan: 7, trunk: [{ first: 20, last: 30 }], isHairpin: true, isIsolated: false };
    assert.deepEqual(plan(asked, more, nothing), [
      { kind: "provideBridge", name: "br0", isVlanFiltering: true, isPromiscuous: true, mtu: 1400 },
      {
        kind: "createVethPair",
        name: "net1",
        index: 77,
        hostName: hostEndName(ask(link)),
        bridge: "br0",
        mtu: 1400,
        mac: "02:00:00:00:00:01",
        isHairpin: true,
        isIsolated: false,
        vlans: { untagged: 7, trunk: [{ first: 20, last: 30 }], keepsDefault: false },
      },
      { kind: "announce", link: "net1", families: ["ipv4", "ipv6"] },
      { kind: "addAddress", link: "net1", address: "10.1.0.2/24" },
      { kind: "addAddress", link: "net1", address: "fd01::2/64" },
      setUp,
      {
        kind: "addGateway",
        bridge: "br0",
        addresses: ["10.1.0.1/24", "fd01::1/64"],
        forceAddress: true,
        vlan: 7,
      },
      { kind: "defaultRoutes", link: "net1", gateways: more.gateways },
      { kind: "awaitUsable", link: "net1", addresses: more.addresses, waitsForCarrier: false },
    ]);
  });

  test("of which nothing is said must be there, and is left as it is", () => {
    const plain = { type: "bridge", parent: "br0" } as const;
    assert.deepEqual(kinds(plain), ["createVethPair", "setUp"]);
    assert.throws(() => plan(plain, {}, nothing), {
      message: /no link "br0" in the node's network namespace/,
    });
  });

  test("may get a pod's end that stays down, without addresses then", () => {
    assert.deepEqual(kinds(link, { staysDown: true }), ["provideBridge", "createVethPair"]);
    assert.throws(() => plan(link, { staysDown: true, addresses: ["10.0.0.2/24"] }), {
      code: "invalid",
      message: /addresses and routes of interface net1 of pod default\/one.*because it stays down/,
    });
  });
});

test("a link that stands is changed and held to limits, and neither made nor set up", () => {
  const more = {
    mtu: 1400,
    tuning: { isPromiscuous: true, sysctl: { "core/somaxconn": "9" } },
    qosClass: gold,
    routes: [
      { destination: "10.9.0.0/16", table: 100, priority: 7, mtu: 1300, advertisedMss: 1200, scope: 253 },
    ],
  };
  const steps = plan({ type: "standing" }, more);
  assert.deepEqual(
    steps.map(({ kind }) => kind),
    ["tune", "shape", "addRoute"],
  );
  assert.deepEqual(steps[0], { kind: "tune", link: "net1", ...more.tuning, mtu: 1400 });
  assert.equal(steps[1]?.kind === "shape" && steps[1].isForeign, true);
  assert.deepEqual(steps[2], { kind: "addRoute", link: "net1", ...more.routes[0] });
  assert.equal(podLinkOf(ask({ type: "standing" })), "net1");
  assert.throws(() => plan({ type: "standing" }, {}, nothing), { message: 'no link "net1" in the pod' });
});

test("everything has its place: file, tuning, addresses, limits, up, routes, default routes, programs", () => {
  const program = { type: "sbr", configuration: { type: "sbr" } };
  const steps = plan(
    { type: "macvlan", parent: "up0", mode: "bridge" },
    {
      deviceInfo: { source: "/a", path: "/b" },
      tuning: { isAllMulticast: true },
      addresses: ["fd00::1/64"],
      qosClass: gold,
      routes: [{ destination: "fd01::/64" }],
      defaultGateways: ["fd00::2"],
      programs: [program],
      owner: { sandbox: "box", interfaceName: "eth0", network: "some" },
      cniArgs: "A=1",
    },
  );
  assert.deepEqual(
    steps.map(({ kind }) => kind),
    [
      "createLink",
      "deviceInfo",
      "tune",
      "announce",
      "addAddress",
      "shape",
      "setUp",
      "addRoute",
      "defaultRoutes",
      "awaitUsable",
      "runProgram",
    ],
  );
  assert.deepEqual(steps.at(-1), {
    kind: "runProgram",
    name: "net1",
    program,
    makesLink: false,
    containerId: "box",
    args: "A=1",
  });
});
