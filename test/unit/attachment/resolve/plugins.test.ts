import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AttachmentRequest, LinkRequest } from "../../../../src/attachment/request.ts";
import type { NetworkReference } from "../../../../src/model/attachment.ts";
import type { NetworkAttachmentDefinition } from "../../../../src/model/cni/network-attachment-definition.ts";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import {
  ARGS,
  definition,
  document,
  FOREIGN_VFS,
  given,
  NICS,
  pod,
  reference,
  Scene,
  type SceneFacts,
  selected,
  vf,
} from "./scene.ts";

const VF = "0000:86:01.2";
const STATIC = {
  type: "static",
  addresses: [{ address: "10.1.0.9/24", gateway: "10.1.0.1" }],
  routes: [{ dst: "10.9.0.0/16" }, { dst: "10.8.0.0/16", gw: "10.1.0.2", priority: 5 }],
  dns: { nameservers: ["10.1.0.3"] },
};

type Config = Record<string, unknown> | readonly Record<string, unknown>[] | undefined;

/** What a NetworkAttachmentDefinition called `nad` comes to. */
function scene(
  config: Config,
  facts: SceneFacts = {},
  more: Partial<NetworkAttachmentDefinition> = {},
): Scene {
  return new Scene({ definitions: [definition("nad", config, more)], ...facts });
}

function request(config: Config, one: Partial<NetworkReference> = {}): Promise<AttachmentRequest> {
  return scene(config).request(selected("nad", one));
}

function error(config: Config, one: Partial<NetworkReference> = {}): Promise<string> {
  return scene(config).error(selected("nad", one));
}

async function link(config: Config, facts: SceneFacts = {}): Promise<LinkRequest> {
  return (await scene(config, facts).request(selected("nad"))).link;
}

describe("a plugin that makes a link", () => {
  test("is done in process, with the addresses, routes and names of its static IPAM", async () => {
    const macvlan = { type: "macvlan", master: "up1", mode: "vepa", mtu: 1400, ipam: STATIC, bcqueuelen: 9 };
    assert.deepEqual(await request(macvlan), {
      pod,
      interfaceName: "net1",
      podNetworkName: "shop/nad",
      link: { type: "macvlan", parent: "up1", mode: "vepa", broadcastQueueLength: 9 },
      addresses: ["10.1.0.9/24"],
      gateways: ["10.1.0.1"],
      routes: [
        { destination: "10.9.0.0/16", gateway: "10.1.0.1" },
        { destination: "10.8.0.0/16", gateway: "10.1.0.2", priority: 5 },
      ],
      mtu: 1400,
      dns: { nameservers: ["10.1.0.3"] },
    });
  });

  const links: [string, Record<string, unknown>, LinkRequest][] = [
    ["ipvlan", { master: "up1", mode: "l3s" }, { type: "ipvlan", parent: "up1", mode: "l3s" }],
    [
      "ipvlan",
      { master: "net0", linkInContainer: true },
      { type: "ipvlan", parent: "net0", isParentInPod: true, mode: "l2" },
    ],
    [
      "vlan",
      { master: "up1", vlanId: 7 },
      { type: "vlan", parent: "up1", vlan: { id: 7, qos: 0, protocol: "802.1Q" } },
    ],
    [
      "vlan",
      { master: "net0", vlanId: 7, linkInContainer: true },
      { type: "vlan", parent: "net0", isParentInPod: true, vlan: { id: 7, qos: 0, protocol: "802.1Q" } },
    ],
    [
      "bridge",
      {},
      {
        type: "bridge",
        parent: "cni0",
        bridge: { isVlanFiltering: false, isPromiscuous: false, isGateway: false, forceAddress: false },
        isHairpin: false,
        isIsolated: false,
        keepsDefaultVlan: true,
      },
    ],
    [
      "bridge",
      {
        bridge: "br1",
        isGateway: true,
        forceAddress: true,
        promiscMode: true,
        portIsolation: true,
        vlanTrunk: [{ minID: 5, maxID: 9 }, { id: 12 }],
        preserveDefaultVlan: false,
      },
      {
        type: "bridge",
        parent: "br1",
        bridge: { isVlanFiltering: true, isPromiscuous: true, isGateway: true, forceAddress: true },
        isHairpin: false,
        isIsolated: true,
        trunk: [
          { first: 5, last: 9 },
          { first: 12, last: 12 },
        ],
        keepsDefaultVlan: false,
      },
    ],
    ["host-device", { device: "eth7" }, { type: "hostDevice", link: "eth7" }],
  ];
  for (const [type, fields, expected] of links) {
    test(`${type} with ${JSON.stringify(fields)} makes the link that its program would`, async () => {
      assert.deepEqual(await link({ type, ...fields }), expected);
    });
  }

  test("leaves the pod's end down where its configuration says so", async () => {
    const made = await request({ type: "bridge", disableContainerInterface: true });
    assert.equal(made.staysDown, true);
  });

  for (const type of ["macvlan", "ipvlan"]) {
    test(`${type} without a master stands on the link of the default route, and stays there`, async () => {
      const first = await link({ type });
      assert.equal(first.type === type && "parent" in first && first.parent, "up0");
      const links = {
        defaultLink: async () => "up9",
        linkWithMac: () => undefined,
        linkOfDevice: async () => undefined,
      };
      const moved = scene({ type }, { more: { links } });
      assert.deepEqual((await moved.request(selected("nad"), first)).link, first);
      const other = (await moved.request(selected("nad"))).link;
      assert.equal("parent" in other && other.parent, "up9");
    });
  }

  test("gives addresses of a range, and the pod's own where the plugin takes them", async () => {
    const ipam = { type: "range", subnet: "10.3.0.0/24" };
    const capabilities = { ips: true };
    const range = await request({ type: "macvlan", master: "up1", ipam, capabilities });
    assert.deepEqual(range.ipam, { ...ipam, routes: [], dns: {} });
    const own = await request(
      { type: "macvlan", master: "up1", ipam: STATIC, capabilities },
      { ips: ["10.1.0.77/24"] },
    );
    assert.deepEqual(own.addresses, ["10.1.0.77/24"]);
  });

  test("has its IPAM program told all that its own program would be", async () => {
    const ipam = { type: "host-local", subnet: "10.3.0.0/24" };
    const config = { cniVersion: "0.4.0", type: "macvlan", master: "up1", ipam, capabilities: { ips: true } };
    const made = await request(config, { ips: ["10.3.0.9"], cniArgs: { claim: "c1" } });
    assert.deepEqual(made.ipam, {
      type: "program",
      program: {
        type: "host-local",
        configuration: {
          cniVersion: "0.4.0",
          name: "nad",
          type: "macvlan",
          master: "up1",
          ipam,
          args: { cni: { claim: "c1" } },
          runtimeConfig: { ips: ["10.3.0.9"] },
        },
      },
    });
    assert.equal(made.cniArgs, ARGS);
    assert.equal(made.link.type, "macvlan");
  });
});

describe("a bridge as gateway", () => {
  const subnet = { type: "range", subnet: "10.3.0.0/24" };
  const unguided = { type: "static", addresses: [{ address: "10.1.0.9/24" }, { address: "fd00::9/64" }] };

  test("has the first address of each subnet whose gateway nobody names", async () => {
    const made = await request({ type: "bridge", isGateway: true, ipam: unguided });
    assert.deepEqual(made.gateways, ["10.1.0.1", "fd00::1"]);
    assert.deepEqual(made.routes, []);
    const ranged = await request({ type: "bridge", isGateway: true, ipam: subnet });
    assert.deepEqual(ranged.ipam, { ...subnet, gateway: "10.3.0.1", routes: [], dns: {} });
  });

  test("is the pod's default way where its configuration says so", async () => {
    const known = await request({ type: "bridge", isDefaultGateway: true, ipam: unguided });
    assert.deepEqual(known.defaultGateways, ["10.1.0.1", "fd00::1"]);
    assert.deepEqual(known.routes, []);
    for (const ipam of [subnet, { type: "host-local" }]) {
      const later = await request({ type: "bridge", isDefaultGateway: true, ipam });
      assert.deepEqual(later.defaultGateways, []);
      assert.equal(later.link.type === "bridge" && later.link.bridge?.isGateway, true);
    }
  });
});

describe("a host device that is named by its configuration", () => {
  const links = {
    defaultLink: async () => undefined,
    linkWithMac: (mac: string) => (mac === "02:00:00:00:00:09" ? "eth9" : undefined),
    linkOfDevice: async (path: string) => (path === "/sys/devices/pci0/net9" ? "eth8" : undefined),
  };
  const gone = { ...links, linkWithMac: () => undefined, linkOfDevice: async () => undefined };

  for (const [what, fields, found, text] of [
    ["address", { hwaddr: "02:00:00:00:00:09" }, "eth9", /no link with the address 02:00:00:00:00:09 is on/],
    [
      "place",
      { kernelpath: "/sys/devices/pci0/net9" },
      "eth8",
      /no link below \/sys\/devices\/pci0\/net9 is/,
    ],
  ] as const) {
    test(`is found by its ${what}, and is the same while it is in the pod`, async () => {
      const config = { type: "host-device", ...fields };
      const made = await link(config, { more: { links } });
      assert.deepEqual(made, { type: "hostDevice", link: found });
      const later = scene(config, { more: { links: gone } });
      assert.deepEqual((await later.request(selected("nad"), made)).link, made);
      assert.match(await later.error(selected("nad")), text);
    });
  }

  test("is found by its PCI address, also where a program drives it", async () => {
    const config = { type: "host-device", pciBusID: VF };
    assert.deepEqual(await link(config, { functions: [vf(VF)] }), {
      type: "hostDevice",
      link: "p0v2",
      pciAddress: VF,
    });
    const { link: _, ...unlinked } = vf(VF, { driver: "vfio-pci" });
    const driven = await link(config, { functions: [unlinked] });
    assert.deepEqual(driven, { type: "hostDevice", pciAddress: VF });
  });
});

describe("a network with a resource", () => {
  const resource = { resourceName: FOREIGN_VFS };
  const assigned = [given(FOREIGN_VFS, VF)];
  const functions = [vf(VF)];

  test("has sriov set the VF that the pod was given", async () => {
    const config = {
      type: "sriov",
      vlan: 7,
      vlanQoS: 2,
      spoofchk: "off",
      trust: "on",
      link_state: "auto",
      min_tx_rate: 10,
    };
    const made = await scene(config, { assigned, functions }, resource).request(selected("nad"));
    assert.deepEqual(made.link, {
      type: "sriov",
      pciAddress: VF,
      device: given(FOREIGN_VFS, VF),
      link: "p0v2",
      pf: "p0",
      vfIndex: 2,
      settings: {
        vlan: { id: 7, qos: 2, protocol: "802.1Q" },
        isSpoofChecked: false,
        isTrusted: true,
        linkState: "auto",
        rate: { min: 10_000_000, max: 0 },
      },
    });
    assert.equal(made.deviceInfo?.path, "/var/run/k8s.cni.cncf.io/devinfo/cni/1-net1-device.json");
  });

  test("has sriov set the VF that its configuration names, where the pod was given none", async () => {
    const config = { type: "sriov", deviceID: VF, max_tx_rate: 20 };
    const made = await scene(config, { functions }, resource).request(selected("nad"));
    const { device, settings, pciAddress } = made.link as Extract<LinkRequest, { type: "sriov" }>;
    assert.deepEqual([device, pciAddress, settings], [undefined, VF, { rate: { max: 20_000_000 } }]);
    assert.equal(made.deviceInfo, undefined);
  });

  test("has sriov fail where there is no VF", async () => {
    const text = await scene({ type: "sriov" }, { functions }, resource).error(selected("nad"));
    assert.match(
      text,
      /the plugin sriov has no VF: its configuration names none in deviceID, and the pod was given/,
    );
  });

  test("has host-device move the device that the pod was given, a function or a link of ours", async () => {
    const config = { type: "host-device" };
    const moved = await scene(config, { assigned, functions }, resource).request(selected("nad"));
    const device = given(FOREIGN_VFS, VF);
    assert.deepEqual(moved.link, { type: "hostDevice", link: "p0v2", pciAddress: VF, device });
    const ours = scene(config, { assigned: [given(NICS, "nic0")] }, { resourceName: NICS });
    const { link: made } = await ours.request(selected("nad"));
    assert.deepEqual(made, { type: "hostDevice", link: "nic0", device: given(NICS, "nic0") });
  });

  test("tells every program the device and where its file is, and keeps the device", async () => {
    const config = [
      { type: "ovs", capabilities: { deviceID: true, CNIDeviceInfoFile: true } },
      { type: "after", capabilities: {} },
    ];
    const made = await scene(config, { assigned, functions }, resource).request(selected("nad"));
    const path = "/var/run/k8s.cni.cncf.io/devinfo/cni/1-net1-device.json";
    const told = { deviceID: VF, pciBusID: VF, cniVersion: "1.0.0", name: "nad" };
    assert.deepEqual(made.link, {
      type: "plugin",
      program: {
        type: "ovs",
        configuration: {
          type: "ovs",
          ...told,
          runtimeConfig: { deviceID: VF, CNIDeviceInfoFile: path },
        },
      },
      device: given(FOREIGN_VFS, VF),
    });
    assert.deepEqual(made.programs, [{ type: "after", configuration: { type: "after", ...told } }]);
    const two = scene(
      config,
      { assigned: [given(FOREIGN_VFS, "0000:86:01.1"), ...assigned], functions },
      resource,
    );
    assert.deepEqual((await two.request(selected("nad"), made.link)).link, made.link);
  });

  test("does without a device where the kubelet gives none of it away", async () => {
    const made = await scene({ type: "ovs", bridge: "br1" }, {}, resource).request(selected("nad"));
    assert.deepEqual(made.link.type === "plugin" && made.link.program.configuration, {
      type: "ovs",
      bridge: "br1",
      cniVersion: "1.0.0",
      name: "nad",
    });
  });

  test("fails where more networks want a device than the pod was given", async () => {
    const one = scene({ type: "ovs" }, { assigned, functions }, resource);
    const [first, second] = await one.resolve([selected("nad"), selected("nad", { interfaceName: "net2" })]);
    assert.ok(first !== undefined && "request" in first);
    assert.match(
      second !== undefined && "error" in second ? second.error.message : "",
      /interface net2: no intel\.com\/vfs is left: the pod was given 1, and 2 networks want one/,
    );
  });

  test("uses the device that the reference names, and no other", async () => {
    const both = [given(FOREIGN_VFS, "0000:86:01.1"), ...assigned];
    const one = scene({ type: "sriov" }, { assigned: both, functions });
    const { link: made } = await one.request(selected("nad", { deviceId: VF }));
    assert.equal(made.type === "sriov" && made.pciAddress, VF);
    const text = await one.error(selected("nad", { deviceId: "0000:86:01.6" }));
    assert.match(text, /device "0000:86:01\.6" was not given to the pod; it was given 0000:86:01\.1 \(intel/);
  });
});

describe("a chain of plugins", () => {
  const macvlan = { type: "macvlan", master: "up1", mtu: 1400 };

  test("has tuning and bandwidth changed in the same request", async () => {
    const made = await request([
      macvlan,
      {
        type: "tuning",
        sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1", "net/core/somaxconn": "9" },
        mac: "02:00:00:00:00:08",
        mtu: 1300,
        promisc: true,
        txQLen: 50,
      },
      { type: "bandwidth", ingressRate: 8_000_000, ingressBurst: 800_000 },
      { type: "tuning", sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "2" }, allmulti: false },
    ]);
    assert.equal(made.mac, "02:00:00:00:00:08");
    assert.equal(made.mtu, 1300);
    assert.deepEqual(made.tuning, {
      sysctl: { "ipv4/conf/net1/arp_filter": "2", "core/somaxconn": "9" },
      isPromiscuous: true,
      isAllMulticast: false,
      transmitQueueLength: 50,
    });
    assert.deepEqual(made.qosClass, {
      kind: "QosClass",
      name: "bandwidth of shop/nad",
      ingress: { ceiling: 8_000_000, burst: { bytes: 100_000 } },
      egress: {},
      priority: 0,
    });
    assert.equal(made.programs, undefined);
    assert.equal(made.cniArgs, undefined);
  });

  test("sets no sysctl that the node's administrator forbids, and says where that stands", async () => {
    const asked: (readonly string[])[] = [];
    const sysctls = {
      place: "/etc/rules",
      forbidden: async (names: readonly string[]) => {
        asked.push(names);
        return names.filter((name) => name.includes("somaxconn"));
      },
    };
    const tuned = (...names: string[]) => {
      const sysctl = Object.fromEntries(names.map((name) => [name, "1"]));
      const config = [macvlan, { type: "tuning", sysctl }];
      return new Scene({ definitions: [definition("nad", config)], more: { sysctls } });
    };
    const filter = "net.ipv4.conf.IFNAME.arp_filter";
    assert.match(
      await tuned(filter, "net.core.somaxconn").error(selected("nad")),
      /networks may not set net\/core\/somaxconn on this node; \/etc\/rules says which they may/,
    );
    const { tuning } = await tuned(filter).request(selected("nad"));
    assert.deepEqual(tuning, { sysctl: { "ipv4/conf/net1/arp_filter": "1" } });
    await tuned().request(selected("nad"));
    assert.deepEqual(asked, [
      ["net/ipv4/conf/IFNAME/arp_filter", "net/core/somaxconn"],
      ["net/ipv4/conf/IFNAME/arp_filter"],
    ]);
  });

  test("keeps its order: what stands behind a program is one, too", async () => {
    const made = await request([
      macvlan,
      { type: "tuning", mtu: 1300 },
      { type: "firewall" },
      { type: "tuning", mtu: 1200 },
      { type: "bandwidth", egressRate: 1_000_000, egressBurst: 100_000 },
    ]);
    assert.equal(made.mtu, 1300);
    assert.equal(made.qosClass, undefined);
    assert.deepEqual(
      made.programs?.map(({ type }) => type),
      ["firewall", "tuning", "bandwidth"],
    );
    assert.equal(made.cniArgs, ARGS);
  });

  test("has what follows a program that makes the link done in process", async () => {
    const made = await request([
      { type: "ovs" },
      { type: "tuning", mac: "02:00:00:00:00:08" },
      { type: "portmap" },
    ]);
    assert.equal(made.link.type, "plugin");
    assert.equal(made.mac, "02:00:00:00:00:08");
    assert.deepEqual(made.programs, [
      { type: "portmap", configuration: { type: "portmap", cniVersion: "1.0.0", name: "nad" } },
    ]);
  });

  test("has a field that netlink cannot serve done by the plugin's program", async () => {
    const made = await link({ type: "bridge", ipMasq: true });
    assert.equal(made.type === "plugin" && made.program.type, "bridge");
  });

  test("gives each program the wishes that it takes, and its arguments", async () => {
    const portMappings = [{ hostPort: 80, containerPort: 8080, protocol: "tcp" }];
    const made = await request(
      [
        { type: "ovs", capabilities: { mac: true }, args: { cni: { a: 1, b: 2 } } },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
      { mac: "02:00:00:00:00:08", portMappings, cniArgs: { b: 3 } },
    );
    const common = { cniVersion: "1.0.0", name: "nad" };
    assert.deepEqual(made.link.type === "plugin" && made.link.program.configuration, {
      type: "ovs",
      ...common,
      args: { cni: { a: 1, b: 3 } },
      runtimeConfig: { mac: "02:00:00:00:00:08" },
    });
    assert.deepEqual(made.programs?.[0]?.configuration, {
      type: "portmap",
      ...common,
      args: { cni: { b: 3 } },
      runtimeConfig: { portMappings },
    });
    assert.equal(made.mac, undefined);
  });

  test("fails where nothing takes a wish, and where a change stands first", async () => {
    const text = await error(macvlan, { ips: ["10.1.0.9/24"] });
    assert.match(text, /interface net1 ips: .*expected a network with a plugin that declares .*"ips": true/);
    const first = await error({ type: "tuning", mtu: 1300 });
    assert.match(first, /the plugin tuning stands first, but makes no interface/);
  });

  test("names the place of a mistake in a plugin's configuration", async () => {
    const text = await error([macvlan, { type: "tuning", mtu: -1 }]);
    assert.match(
      text,
      /pod shop\/web, interface net1: network shop\/nad, plugin tuning mtu: -1 is not usable/,
    );
  });

  test("becomes the default way by the gateways of its addresses, or of those it leases", async () => {
    const isDefaultGateway = true;
    const known = await request({ ...macvlan, ipam: STATIC }, { isDefaultGateway });
    assert.deepEqual(known.defaultGateways, ["10.1.0.1"]);
    for (const later of [{ ...macvlan, ipam: { type: "dhcp" } }, { type: "ovs" }]) {
      assert.deepEqual((await request(later, { isDefaultGateway })).defaultGateways, []);
    }
    const text = await error(macvlan, { isDefaultGateway });
    assert.match(text, /network shop\/nad names no gateway; expected one in ipam\.addresses\[\]\.gateway/);
    const own = await request(macvlan, { defaultGateways: ["10.1.0.77"] });
    assert.deepEqual(own.defaultGateways, ["10.1.0.77"]);
  });
});

describe("bandwidth that a pod wishes of a network", () => {
  const bandwidth = { egressRate: 4_000_000 };
  const macvlan = { type: "macvlan", master: "up1" };
  const taking = { type: "bandwidth", capabilities: { bandwidth: true } };
  const gold = document("QosClass", "gold", { egress: { ceiling: "500M" } });

  test("is held here where the network says nothing of bandwidth", async () => {
    for (const config of [macvlan, { type: "ovs" }]) {
      const { qosClass } = await request(config, { bandwidth });
      assert.equal(qosClass?.name, "bandwidth of the pod");
      assert.deepEqual(qosClass?.egress, { ceiling: 4_000_000 });
    }
  });

  test("is the bandwidth plugin's where that takes it, and has none of its own", async () => {
    const { qosClass } = await request([macvlan, taking], { bandwidth });
    assert.deepEqual([qosClass?.name, qosClass?.egress.ceiling], ["bandwidth of shop/nad", 4_000_000]);
    const fixed = await request([macvlan, { ...taking, egressRate: 1_000_000, egressBurst: 80_000 }], {
      bandwidth,
    });
    assert.equal(fixed.qosClass?.egress.ceiling, 1_000_000);
  });

  test("cannot raise the limits of a network that takes no wish", async () => {
    const text = await error([macvlan, { type: "bandwidth", egressRate: 1_000_000 }], { bandwidth });
    assert.match(text, /net1 bandwidth: .*"bandwidth": true/);
  });

  test("is a program's where one takes it", async () => {
    const made = await request({ type: "ovs", capabilities: { bandwidth: true } }, { bandwidth });
    assert.equal(made.qosClass, undefined);
    assert.deepEqual(made.link.type === "plugin" && made.link.program.configuration.runtimeConfig, {
      bandwidth,
    });
  });

  test("is a class's where the pod names one", async () => {
    const config = [macvlan, { type: "bandwidth", egressRate: 1_000_000 }];
    const one = scene(config, { objects: [gold] });
    const { qosClass } = await one.request(selected("nad", { qosClassName: "gold" }));
    assert.equal(qosClass?.name, "gold");
  });
});

describe("a NetworkAttachmentDefinition", () => {
  const macvlan = { type: "macvlan", master: "up1" };
  const other = (namespace: string) =>
    selected("", { target: { kind: "NetworkAttachmentDefinition", namespace, name: "nad" } });

  test("without a configuration is that of its name on the node's disk", async () => {
    const asked: string[] = [];
    const networks = {
      place: "/etc/cni/net.d, /etc/cni/other",
      networkConfiguration: async (name: string) => {
        asked.push(name);
        return parseNetworkConfiguration({ cniVersion: "1.0.0", name, ...macvlan }, "disk");
      },
    };
    const made = await scene(undefined, { more: { networks } }).request(selected("nad"));
    assert.equal(made.link.type, "macvlan");
    assert.deepEqual(asked, ["nad"]);
    const missing = { ...networks, networkConfiguration: async () => undefined };
    assert.match(
      await scene(undefined, { more: { networks: missing } }).error(selected("nad")),
      /shop\/nad has no spec\.config, and no network of the name nad is in \/etc\/cni\/net\.d, \/etc\/cni\/other/,
    );
  });

  test("that is not there is told with its namespace", async () => {
    assert.match(
      await scene(macvlan).error(selected("none")),
      /no NetworkAttachmentDefinition "none" in namespace shop/,
    );
  });

  test("of another namespace is for all pods, unless namespaces are isolated", async () => {
    const definitions = ["bank", "shared", "shop"].map((namespace) =>
      definition("nad", macvlan, { namespace }),
    );
    const open = new Scene({ definitions });
    const isolation = { enabled: true, globalNamespaces: ["shared"] };
    const isolated = new Scene({ definitions, more: { isolation } });
    for (const [one, namespace] of [
      [open, "bank"],
      [isolated, "shared"],
      [isolated, "shop"],
    ] as const) {
      assert.equal((await one.request(other(namespace))).podNetworkName, `${namespace}/nad`);
    }
    assert.match(
      await isolated.error(other("bank")),
      /bank\/nad is not for pods of namespace shop, because cni\.namespaceIsolation is on; expected one of namespace shop, shared/,
    );
  });
});

test("a network that the caller brings is attached under its own name", async () => {
  const configuration = parseNetworkConfiguration(
    { cniVersion: "1.0.0", name: "brought", type: "macvlan", master: "up1" },
    "stdin",
  );
  const target = { kind: "NetworkConfiguration", configuration } as const;
  const made = await new Scene({}).request(reference("", { target }));
  assert.equal(made.podNetworkName, "brought");
  assert.deepEqual(made.link, { type: "macvlan", parent: "up1", mode: "bridge" });
});
