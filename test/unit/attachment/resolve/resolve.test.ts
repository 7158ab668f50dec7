import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LinkRequest } from "../../../../src/attachment/request.ts";
import { resolveReferences } from "../../../../src/attachment/resolve/resolve.ts";
import type { NetworkReference } from "../../../../src/model/attachment.ts";
import type { Device } from "../../../../src/model/device.ts";
import { LanyardError } from "../../../../src/model/errors.ts";
import type { AssignedDevice } from "../../../../src/model/pod.ts";
import {
  ARGS,
  definition,
  document,
  FOREIGN_VFS,
  functionDevice,
  given,
  NICS,
  network,
  pod,
  profile,
  reference,
  Scene,
  standing,
  VFS,
  vf,
} from "./scene.ts";

const VF = "0000:86:01.2";

const objects = [
  ...profile("over", {
    type: "macvlan",
    parent: "up0",
    mtu: 1400,
    qosClassName: "silver",
    ipam: { type: "static", addresses: [{ address: "10.1.0.9/24", gateway: "10.1.0.1" }] },
    routes: [{ dst: "10.9.0.0/16", gw: "10.1.0.1" }],
  }),
  ...profile("whole", { type: "hostDevice", resourceName: NICS }),
  ...profile("function", {
    type: "sriov",
    resourceName: VFS,
    vlan: { id: 7, qos: 3 },
    spoofCheck: false,
    trust: true,
    linkState: "enable",
  }),
  ...profile("plain-function", { type: "sriov", resourceName: FOREIGN_VFS }),
  ...profile("function-as-it-is", { type: "hostDevice", resourceName: VFS }),
  ...profile("routed", { type: "ipvlan", parent: "up0", mode: "l3" }),
  ...profile("tagged", { type: "vlan", parent: "up0", vlan: { id: 9, protocol: "802.1ad" } }),
  ...profile("port", { type: "bridge", parent: "br0", vlan: { id: 9 } }),
  ...profile("marked-port", { type: "bridge", parent: "br0", vlan: { id: 9, qos: 1 } }),
  ...profile("ranged", {
    type: "macvlan",
    parent: "up0",
    ipam: { type: "range", subnet: "10.3.0.0/24", gateway: "10.3.0.1" },
  }),
  ...profile("leased", {
    type: "macvlan",
    parent: "up0",
    ipam: { type: "whereabouts", range: "10.4.0.0/24" },
  }),
  network("off", { enabled: false }),
  network("foreign", { provider: "example.com/other" }),
  network("gated", { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "bank" } } }, "over"),
  network("own", { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } }, "over"),
  document("PodNetwork", "bare", {}),
  document("PodNetwork", "other-kind", {
    parametersRefs: [{ group: "example.com", kind: "LinkProfile", name: "over" }],
  }),
  document("PodNetwork", "by-definition", {
    parametersRefs: [
      { group: "k8s.cni.cncf.io", kind: "NetworkAttachmentDefinition", name: "nad", namespace: "net" },
    ],
  }),
  document("PodNetwork", "half-named", {
    parametersRefs: [{ group: "k8s.cni.cncf.io", kind: "NetworkAttachmentDefinition", name: "nad" }],
  }),
  document("QosClass", "silver", { egress: { ceiling: "50M" } }),
  document("QosClass", "gold", { egress: { ceiling: "500M" } }),
  document(
    "PodNetworkAttachment",
    "tuned",
    { podNetworkName: "over", mac: "02:00:00:00:00:05", qosClassName: "gold" },
    "shop",
  ),
];

const definitions = [
  definition("nad", { type: "macvlan", master: "up1", capabilities: { mac: true } }, { namespace: "net" }),
];

const functions = [vf(VF), vf("0000:86:00.0", { pfAddress: "0000:86:00.0", link: "p0", driver: "ice" })];
const plain = new Scene({ objects, definitions });

function scene(assigned: readonly AssignedDevice[] | Error, more: object = {}): Scene {
  return new Scene({ objects, definitions, assigned, functions, ...more });
}

const nic = (id: string, container = "main") => given(NICS, id, container);
const tuned = { kind: "PodNetworkAttachment", name: "tuned" } as const;

describe("a PodNetwork with a LinkProfile", () => {
  test("takes what the reference leaves open from the profile", async () => {
    assert.deepEqual(await plain.request(reference("over")), {
      pod,
      interfaceName: "net1",
      podNetworkName: "over",
      link: { type: "macvlan", parent: "up0", mode: "bridge" },
      addresses: ["10.1.0.9/24"],
      gateways: ["10.1.0.1"],
      routes: [{ destination: "10.9.0.0/16", gateway: "10.1.0.1" }],
      mtu: 1400,
      qosClass: { kind: "QosClass", name: "silver", egress: { ceiling: 50e6 }, ingress: {}, priority: 0 },
    });
  });

  test("lets the reference win over the tuned attachment, and that over the profile", async () => {
    const one = await plain.request(reference("", { target: tuned }));
    assert.equal(one.qosClass?.name, "gold");
    assert.equal(one.mac, "02:00:00:00:00:05");
    const own = await plain.request(
      reference("", {
        target: tuned,
        qosClassName: "silver",
        mac: "02:00:00:00:00:06",
        ips: ["10.1.0.7/24"],
      }),
    );
    assert.equal(own.qosClass?.name, "silver");
    assert.equal(own.mac, "02:00:00:00:00:06");
    assert.deepEqual(own.addresses, ["10.1.0.7/24"]);
    assert.deepEqual(own.gateways, ["10.1.0.1"]);
  });

  const links: [string, LinkRequest][] = [
    ["routed", { type: "ipvlan", parent: "up0", mode: "l3" }],
    ["tagged", { type: "vlan", parent: "up0", vlan: { id: 9, qos: 0, protocol: "802.1ad" } }],
    ["port", { type: "bridge", parent: "br0", vlan: 9, keepsDefaultVlan: false }],
  ];
  for (const [name, link] of links) {
    test(`makes the link of the profile ${name}`, async () => {
      assert.deepEqual((await plain.request(reference(name))).link, link);
    });
  }

  test("becomes the default way by the gateways of the addresses' families", async () => {
    const request = await plain.request(reference("over", { isDefaultGateway: true }));
    assert.deepEqual(request.defaultGateways, ["10.1.0.1"]);
    const message = await scene([nic("a")]).error(reference("whole", { isDefaultGateway: true }));
    assert.match(
      message,
      /LinkProfile "whole" names no gateway; expected one in spec\.ipam\.addresses\[\]\.gateway/,
    );
  });

  test("becomes the default way by the gateways that the reference names", async () => {
    const request = await plain.request(reference("routed", { defaultGateways: ["10.1.0.254", "fd00::1"] }));
    assert.deepEqual(request.defaultGateways, ["10.1.0.254", "fd00::1"]);
  });

  test("gives addresses of a range, unless the pod names its own", async () => {
    const request = await plain.request(reference("ranged", { isDefaultGateway: true }));
    const range = { type: "range", subnet: "10.3.0.0/24", gateway: "10.3.0.1", routes: [], dns: {} };
    assert.deepEqual(request.ipam, range);
    assert.deepEqual(request.defaultGateways, []);
    const own = await plain.request(reference("ranged", { isDefaultGateway: true, ips: ["10.3.0.9/24"] }));
    assert.equal(own.ipam, undefined);
    assert.deepEqual(own.addresses, ["10.3.0.9/24"]);
    assert.deepEqual(own.defaultGateways, ["10.3.0.1"]);
  });

  test("hands an IPAM plugin its section, and the addresses that the pod names", async () => {
    const configuration = {
      cniVersion: "1.0.0",
      name: "leased",
      type: "lanyard",
      ipam: { type: "whereabouts", range: "10.4.0.0/24" },
    };
    const request = await plain.request(reference("leased"));
    assert.deepEqual(request.ipam, { type: "program", program: { type: "whereabouts", configuration } });
    assert.equal(request.cniArgs, ARGS);
    const own = await plain.request(reference("leased", { ips: ["10.4.0.9/24"] }));
    const runtimeConfig = { ips: ["10.4.0.9/24"] };
    assert.deepEqual(own.ipam, {
      type: "program",
      program: { type: "whereabouts", configuration: { ...configuration, runtimeConfig } },
    });
    assert.deepEqual(own.addresses, []);
  });

  test("tells programs the sandbox, where a runtime asked", async () => {
    const owner = { sandbox: "s1", interfaceName: "eth0", network: "cluster" };
    const [resolved] = await plain.resolve([reference("leased")], new Map(), owner);
    assert.ok(resolved !== undefined && "request" in resolved);
    assert.deepEqual(resolved.request.owner, owner);
    assert.match(resolved.request.cniArgs ?? "", /;K8S_POD_INFRA_CONTAINER_ID=s1;/);
  });

  test("admits a namespace that a selector names", async () => {
    assert.equal((await plain.request(reference("own"))).podNetworkName, "own");
  });
});

describe("a PodNetwork with a device", () => {
  test("sets a VF as the profile says, whoever offers it", async () => {
    const request = await scene([given(VFS, VF)]).request(
      reference("function", { mac: "02:00:00:00:00:07" }),
    );
    assert.deepEqual(request.link, {
      type: "sriov",
      pciAddress: VF,
      device: given(VFS, VF),
      link: "p0v2",
      pf: "p0",
      vfIndex: 2,
      settings: {
        vlan: { id: 7, qos: 3, protocol: "802.1Q" },
        isSpoofChecked: false,
        isTrusted: true,
        linkState: "enable",
      },
    });
    assert.equal(request.mac, "02:00:00:00:00:07");
    const own = scene([given(FOREIGN_VFS, VF)], { devices: { [VF]: functionDevice(VF) } });
    const { link } = await own.request(reference("plain-function"));
    assert.deepEqual(link.type === "sriov" && link.settings, {});
  });

  test("needs no link of a VF that a program drives", async () => {
    const { link: _, ...unlinked } = vf(VF, { driver: "vfio-pci" });
    const request = await scene([given(VFS, VF)], { functions: [unlinked] }).request(reference("function"));
    assert.equal(request.link.type === "sriov" && request.link.link, undefined);
  });

  test("finds a VF that came home a moment ago", async () => {
    const { link: _, ...unlinked } = vf(VF);
    const asked: string[] = [];
    const links = {
      defaultLink: async () => undefined,
      linkWithMac: () => undefined,
      linkOfDevice: async (path: string) => {
        asked.push(path);
        return "p0v2";
      },
    };
    const one = scene([given(VFS, VF)], { functions: [unlinked], more: { links } });
    const request = await one.request(reference("function"));
    assert.equal(request.link.type === "sriov" && request.link.link, "p0v2");
    assert.deepEqual(asked, [`/sys/bus/pci/devices/${VF}`]);
  });

  test("gives the same request while the VF is in the pod", async () => {
    const first = await scene([given(VFS, VF)]).request(reference("function"));
    const { link: _, ...unlinked } = vf(VF);
    const later = scene([given(VFS, VF)], { functions: [unlinked] });
    assert.deepEqual(await later.request(reference("function"), first.link), first);
    assert.equal(later.questions, 0);
  });

  test("moves a function whole, and nothing of one that a program drives", async () => {
    const moved = await scene([given(VFS, VF)]).request(reference("function-as-it-is"));
    assert.deepEqual(moved.link, {
      type: "hostDevice",
      link: "p0v2",
      pciAddress: VF,
      device: given(VFS, VF),
    });
    const { link: _, ...unlinked } = vf(VF, { driver: "vfio-pci" });
    const unmoved = await scene([given(VFS, VF)], { functions: [unlinked] }).request(
      reference("function-as-it-is"),
    );
    assert.deepEqual(unmoved.link, { type: "hostDevice", pciAddress: VF, device: given(VFS, VF) });
  });

  test("moves a sub-function by the link that its pool knows, also while that is in the pod", async () => {
    const id = "mlx5_core.sf.4";
    const here = functionDevice(id, { kind: "auxNetDevice", link: "p0sf4", pciAddress: "0000:86:00.0" });
    const first = await scene([given(VFS, id)], { devices: { [id]: here } }).request(
      reference("function-as-it-is"),
    );
    assert.deepEqual(first.link, { type: "hostDevice", link: "p0sf4", device: given(VFS, id) });
    const { link: _, ...away } = here;
    const later = scene([given(VFS, id)], { devices: { [id]: away } });
    assert.deepEqual(await later.request(reference("function-as-it-is"), first.link), first);
  });

  test("has its own copy of the device plugin's file, where there is one", async () => {
    const folders = { devices: "/d", attachments: "/a" };
    const foreign = scene([given(FOREIGN_VFS, VF)], { more: { deviceInfo: folders } });
    assert.deepEqual((await foreign.request(reference("plain-function"))).deviceInfo, {
      source: `/d/intel.com-vfs-${VF}-device.json`,
      path: "/a/1-net1-device.json",
    });
    const usual = await scene([given(FOREIGN_VFS, VF)]).request(reference("plain-function"));
    assert.equal(usual.deviceInfo?.path, "/var/run/k8s.cni.cncf.io/devinfo/cni/1-net1-device.json");
    const access = { nodes: [], mounts: [], info: {}, deviceInfo: { type: "pci" } };
    const own = scene([given(VFS, VF)], { devices: { [VF]: functionDevice(VF, { access }) } });
    assert.match(
      (await own.request(reference("function"))).deviceInfo?.source ?? "",
      /lanyard\.dev-vfs-0000/,
    );
    assert.equal((await scene([nic("a")]).request(reference("whole"))).deviceInfo, undefined);
  });

  test("gives each reference to a resource the next device, by container", async () => {
    const resolved = await scene([
      nic("b", "first"),
      given("a.b/c", "x", "first"),
      nic("a", "second"),
    ]).resolve([reference("whole"), reference("whole", { interfaceName: "net2" })]);
    const devices = resolved.map(
      (each) => "request" in each && each.request.link.type === "hostDevice" && each.request.link.device,
    );
    assert.deepEqual(devices, [nic("b", "first"), nic("a", "second")]);
  });

  test("leaves an interface the device it holds, whatever else is asked for", async () => {
    const held = new Map<string, LinkRequest>([
      ["net2", { type: "hostDevice", link: "b", device: nic("b") }],
    ]);
    const resolved = await scene([nic("b"), nic("a")]).resolve(
      [reference("whole", { interfaceName: "net5" }), reference("whole", { interfaceName: "net2" })],
      held,
    );
    const ids = resolved.map(
      (each) => "request" in each && each.request.link.type === "hostDevice" && each.request.link.device?.id,
    );
    assert.deepEqual(ids, ["a", "b"]);
  });

  test("leaves the interfaces of another ADD their devices, though it does not speak of them", async () => {
    const held = new Map<string, LinkRequest>([
      ["net1", { type: "hostDevice", link: "a", device: nic("a") }],
      ["net2", { type: "macvlan", parent: "up0", mode: "bridge" }],
    ]);
    const other = reference("whole", { interfaceName: "net3" });
    const [taken] = await scene([nic("a"), nic("b")]).resolve([other], held);
    assert.ok(taken !== undefined && "request" in taken);
    assert.deepEqual(taken.request.link, { type: "hostDevice", link: "b", device: nic("b") });
    const [none] = await scene([nic("a")]).resolve([other], held);
    assert.match(none !== undefined && "error" in none ? none.error.message : "", /nics is left/);
  });

  test("counts the guarantees of the pod's other interfaces, though it does not speak of them", async () => {
    const share: Device = { ...functionDevice("s1"), kind: "bandwidthShare", link: "up0", rate: 10_000_000 };
    const shares = new Scene({
      objects: [...objects, document("QosClass", "lead", { egress: { guaranteed: "6M" } })],
      assigned: [given("lanyard.dev/bw", "s1")],
      devices: { s1: share },
    });
    const devices = { ...shares.sources.devices, bandwidthResource: () => "lanyard.dev/bw" };
    const one = new Scene({ more: { ...shares.sources, devices } });
    const asked = reference("over", { qosClassName: "lead" });
    const { link, qosClass } = await one.request(asked);
    assert.equal(qosClass?.egress.guaranteed, 6_000_000);
    const other = standing("net9", link, { qosClass });
    const wanted = { pod, namespacePath: "/x", references: [asked] };
    const [beside] = await resolveReferences(wanted, one.sources, new Map([["net9", other]]));
    assert.match(
      beside !== undefined && "error" in beside ? beside.error.message : "",
      /was given 10 Mbit\/s of lanyard\.dev\/bw, of which 6 Mbit\/s are guaranteed to its other interfaces/,
    );
  });

  test("stays whose it is where the interface has an owner, whoever asks now", async () => {
    const first = { sandbox: "box", interfaceName: "eth0", network: "cluster" };
    const later = { ...first, interfaceName: "net2" };
    const references = [reference("over"), reference("over", { interfaceName: "net2" })];
    const owners = new Map([["net1", first]]);
    const ownersOf = async (by?: typeof later) =>
      (await scene([]).resolve(references, new Map(), by, owners)).map(
        (each) => "request" in each && each.request.owner,
      );
    assert.deepEqual(await ownersOf(), [first, undefined]);
    assert.deepEqual(await ownersOf(later), [first, later]);
  });

  test("fails alone when nobody tells what the pod was given", async () => {
    const silent = scene(new LanyardError("unavailable", "the kubelet does not tell"));
    const [first, second] = await silent.resolve([
      reference("whole"),
      reference("over", { interfaceName: "net2" }),
    ]);
    assert.match(first !== undefined && "error" in first ? first.error.message : "", /does not tell/);
    assert.ok(second !== undefined && "request" in second);
  });

  test("is the only reason to ask what the pod was given", async () => {
    const one = scene([nic("a"), nic("b")]);
    await one.resolve([reference("over"), reference("leased", { interfaceName: "net2" })]);
    assert.equal(one.questions, 0);
    await one.resolve([reference("whole"), reference("whole", { interfaceName: "net2" })]);
    assert.equal(one.questions, 1);
  });

  test("is asked for once, also where its guarantee is counted", async () => {
    const devices = { ...plain.sources.devices, bandwidthResource: () => "lanyard.dev/bw" };
    const lead = document("QosClass", "lead", { egress: { guaranteed: "1M" } });
    const one = new Scene({ objects: [...objects, lead], assigned: [nic("a")], more: { devices } });
    const [resolved] = await one.resolve([reference("whole", { qosClassName: "lead" })]);
    assert.match(
      resolved !== undefined && "error" in resolved ? resolved.error.message : "",
      /guarantees 1 Mbit\/s on a, but the pod was given 0 bit\/s of lanyard\.dev\/bw/,
    );
    assert.equal(one.questions, 1);
  });
});

describe("limits that the pod asks for itself", () => {
  test("are a class with both directions as the pod sees them, in bits per second and bytes", async () => {
    const bandwidth = { ingressRate: 8_000_000, ingressBurst: 80_001, egressRate: 4_000_000 };
    const { qosClass } = await plain.request(reference("over", { bandwidth }));
    assert.deepEqual(qosClass, {
      kind: "QosClass",
      name: "bandwidth of the pod",
      ingress: { ceiling: 8_000_000, burst: { bytes: 10_001 } },
      egress: { ceiling: 4_000_000 },
      priority: 0,
    });
  });

  test("have no burst where a kubelet or runtime only filled one in", async () => {
    for (const burst of [2 ** 31 - 1, 2 ** 32 - 1, 0]) {
      const bandwidth = { egressRate: 4_000_000, egressBurst: burst };
      const { qosClass } = await plain.request(reference("over", { bandwidth }));
      assert.deepEqual(qosClass?.egress, { ceiling: 4_000_000 });
    }
  });

  test("come before those of a tuned attachment", async () => {
    const { qosClass } = await plain.request(
      reference("", { target: tuned, bandwidth: { egressRate: 1_000_000 } }),
    );
    assert.equal(qosClass?.name, "bandwidth of the pod");
  });

  test("leave the profile its class where they limit nothing", async () => {
    const { qosClass } = await plain.request(reference("over", { bandwidth: { egressRate: 0 } }));
    assert.equal(qosClass?.name, "silver");
  });

  test("are a class or a bandwidth, and not both", async () => {
    const both = reference("over", { qosClassName: "gold", bandwidth: { egressRate: 1_000_000 } });
    assert.match(
      await plain.error(both),
      /both the QosClass "gold" and a bandwidth are asked for; expected one/,
    );
  });

  test("hold an interface that the pod has already", async () => {
    const target = { kind: "StandingInterface" } as const;
    const owner = { sandbox: "s1", interfaceName: "eth0", network: "cluster" };
    const one = reference("", { target, interfaceName: "eth0", qosClassName: "gold" });
    const [resolved] = await plain.resolve([one], new Map(), owner);
    assert.ok(resolved !== undefined && "request" in resolved);
    const { qosClass, ...request } = resolved.request;
    assert.equal(qosClass?.name, "gold");
    assert.deepEqual(request, {
      pod,
      owner,
      interfaceName: "eth0",
      podNetworkName: "cluster",
      link: { type: "standing" },
      addresses: [],
      routes: [],
    });
    assert.equal(plain.questions, 0);
  });
});

describe("a PodNetwork with a NetworkAttachmentDefinition", () => {
  test("is that definition under the network's name, of whatever namespace", async () => {
    const isolation = { enabled: true, globalNamespaces: [] };
    const one = new Scene({ objects, definitions, more: { isolation } });
    const request = await one.request(reference("by-definition", { mac: "02:00:00:00:00:07" }));
    assert.equal(request.podNetworkName, "by-definition");
    assert.deepEqual(request.link, { type: "macvlan", parent: "up1", mode: "bridge" });
    assert.equal(request.mac, "02:00:00:00:00:07");
  });
});

describe("a mistake in a reference", () => {
  const mistakes: [string, NetworkReference, RegExp, AssignedDevice[]?][] = [
    ["an unknown network", reference("nowhere"), /pod shop\/web, interface net1: no PodNetwork "nowhere"/],
    ["an unknown class", reference("over", { qosClassName: "lead" }), /no QosClass "lead"/],
    ["a network that is switched off", reference("off"), /"off" is disabled \(spec\.enabled is false\)/],
    [
      "another provider's network",
      reference("foreign"),
      /belongs to provider example\.com\/other; this agent serves/,
    ],
    ["a network closed to the namespace", reference("gated"), /does not admit pods of namespace shop/],
    ["a network without a profile", reference("bare"), /names no LinkProfile in spec\.parametersRefs/],
    ["parameters of another group", reference("other-kind"), /names no LinkProfile in spec\.parametersRefs/],
    [
      "a definition without its namespace",
      reference("half-named"),
      /names the NetworkAttachmentDefinition "nad" without its namespace; expected it in spec\.parametersRefs/,
    ],
    [
      "a priority at the port of a bridge",
      reference("marked-port"),
      /"marked-port" sets qos or protocol in vlan, which the port of a bridge does not have; expected id alone/,
    ],
    [
      "too few devices",
      reference("whole"),
      /no lanyard\.dev\/nics is left: the pod was given 0, and one network wants one\. Request one/,
    ],
    [
      "a device that is gone",
      reference("whole"),
      /lanyard\.dev\/nics has no device "vanished" on this node now/,
      [nic("vanished")],
    ],
    [
      "a function that is gone",
      reference("function"),
      /no network function has the PCI address 0000:86:01\.7/,
      [given(VFS, "0000:86:01.7")],
    ],
    [
      "a link where a VF is wanted",
      reference("function"),
      /device "mlx5_core\.sf\.4" is no PCI function/,
      [given(VFS, "mlx5_core.sf.4")],
    ],
    [
      "a container where no device is used",
      reference("over", { containerName: "main" }),
      /names the container "main", but its network uses no device; expected no container/,
    ],
    [
      "an unknown tuned attachment",
      reference("", { target: { kind: "PodNetworkAttachment", name: "none" } }),
      /no PodNetworkAttachment "none" in namespace shop/,
    ],
  ];
  const subFunction = functionDevice("mlx5_core.sf.4", { kind: "auxNetDevice", link: "p0sf4" });
  for (const [what, one, expected, assigned = []] of mistakes) {
    test(`says what is wrong with ${what}`, async () => {
      const devices = { [subFunction.id]: subFunction };
      assert.match(await scene(assigned, { devices }).error(one), expected);
    });
  }

  const { link: _, ...unlinked } = vf(VF);
  const { driver: __, ...driverless } = unlinked;
  const { pfName: ___, ...orphan } = vf(VF);
  const { vfIndex: ____, ...pf } = vf(VF);
  for (const [what, place, expected] of [
    [
      "a VF that is in a pod",
      unlinked,
      /0000:86:01\.2 has no link on the node: it is in a pod now, or its driver/,
    ],
    ["a VF without a driver", driverless, /has no link on the node: no driver is bound to it/],
    ["a VF whose PF has no link", orphan, /the PF 0000:86:00\.0 of VF 0000:86:01\.2 has no link on the node/],
    [
      "a PF",
      pf,
      /0000:86:01\.2 is no VF; expected the PCI address of a VF, and a PF is attached by host-device/,
    ],
  ] as const) {
    test(`says what is wrong with ${what}`, async () => {
      const one = scene([given(VFS, VF)], { functions: [place] });
      assert.match(await one.error(reference("function")), expected);
    });
  }
});
