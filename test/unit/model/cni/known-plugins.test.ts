import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import { parseKnownPlugin, unknownKeys } from "../../../../src/model/cni/plugins/readers.ts";
import type { PluginRuntime } from "../../../../src/model/cni/runtime-configuration.ts";
import { mistakesOf } from "./refusals.ts";

const pluginOf = (written: object) => {
  const [plugin] = parseNetworkConfiguration({ name: "fast", ...written }, "conf").plugins;
  assert.ok(plugin !== undefined);
  return plugin;
};
const parse = (written: object, runtime: PluginRuntime = {}) =>
  parseKnownPlugin(pluginOf(written), runtime, "fast");
const args = (entries: Record<string, string>) => new Map(Object.entries(entries));

const BRIDGE = {
  type: "bridge",
  bridge: "cni0",
  isGateway: false,
  isDefaultGateway: false,
  forceAddress: false,
  hairpinMode: false,
  promiscMode: false,
  vlanTrunk: [],
  preserveDefaultVlan: true,
  portIsolation: false,
  disableContainerInterface: false,
};

for (const [written, expected] of [
  [{ type: "macvlan" }, { type: "macvlan", isParentInPod: false, mode: "bridge" }],
  [
    {
      type: "macvlan",
      master: "eth1",
      mode: "vepa",
      mtu: 9000,
      mac: "02:00:00:00:00:0A",
      linkInContainer: true,
      bcqueuelen: 200,
      dns: { nameservers: ["10.0.0.1"], domain: "a.b", search: ["a.b"], options: ["ndots:2"] },
    },
    {
      type: "macvlan",
      parent: "eth1",
      isParentInPod: true,
      mode: "vepa",
      mtu: 9000,
      mac: "02:00:00:00:00:0a",
      broadcastQueueLength: 200,
      dns: { nameservers: ["10.0.0.1"], domain: "a.b", search: ["a.b"], options: ["ndots:2"] },
    },
  ],
  [
    { type: "macvlan", master: "", mode: "", mtu: 0, mac: "", bcqueuelen: 0, ipam: {}, dns: { search: [] } },
    { type: "macvlan", isParentInPod: false, mode: "bridge" },
  ],
  [{ type: "ipvlan" }, { type: "ipvlan", isParentInPod: false, mode: "l2" }],
  [
    {
      type: "ipvlan",
      master: "eth1",
      mode: "l3s",
      mtu: 1400,
      linkInContainer: true,
      mac: "02:00:00:00:00:01",
    },
    { type: "ipvlan", parent: "eth1", isParentInPod: true, mode: "l3s", mtu: 1400 },
  ],
  [
    { type: "vlan", master: "eth1" },
    { type: "vlan", parent: "eth1", isParentInPod: false, id: 0 },
  ],
  [
    { type: "vlan", master: "eth1", vlanId: 4094, mtu: 1400, linkInContainer: true },
    { type: "vlan", parent: "eth1", isParentInPod: true, id: 4094, mtu: 1400 },
  ],
  [{ type: "bridge" }, BRIDGE],
  [
    {
      type: "bridge",
      bridge: "br1",
      isDefaultGateway: true,
      forceAddress: true,
      hairpinMode: true,
      vlan: 100,
      preserveDefaultVlan: false,
      portIsolation: true,
      mtu: 1400,
      ipMasq: false,
      ipMasqBackend: "nftables",
      macspoofchk: false,
    },
    {
      ...BRIDGE,
      bridge: "br1",
      isGateway: true,
      isDefaultGateway: true,
      forceAddress: true,
      hairpinMode: true,
      vlan: 100,
      preserveDefaultVlan: false,
      portIsolation: true,
      mtu: 1400,
    },
  ],
  [
    {
      type: "bridge",
      isGateway: true,
      promiscMode: true,
      disableContainerInterface: true,
      vlanTrunk: [{ minID: 10, maxID: 20 }, { id: 30 }, { minID: 40, maxID: 41, id: 50 }],
    },
    {
      ...BRIDGE,
      isGateway: true,
      promiscMode: true,
      disableContainerInterface: true,
      vlanTrunk: [
        { first: 10, last: 20 },
        { first: 30, last: 30 },
        { first: 40, last: 41 },
        { first: 50, last: 50 },
      ],
    },
  ],
  [{ type: "bridge", ipMasq: true }, undefined],
  [{ type: "bridge", macspoofchk: true }, undefined],
  [{ type: "bridge", enabledad: true }, undefined],
  [
    { type: "host-device", device: "eth1", hwaddr: "02:00:00:00:00:01" },
    { type: "host-device", device: "eth1" },
  ],
  [
    { type: "host-device", HWAddr: "02-00-00-00-00-01" },
    { type: "host-device", hardwareAddress: "02:00:00:00:00:01" },
  ],
  [
    { type: "host-device", kernelpath: "/sys/devices/pci0000:00/0000:00:19.0" },
    { type: "host-device", kernelPath: "/sys/devices/pci0000:00/0000:00:19.0" },
  ],
  [
    { type: "host-device", pciBusId: "86:00.1" },
    { type: "host-device", pciAddress: "0000:86:00.1" },
  ],
  [{ type: "host-device", pciBusID: "mlx5_core.sf.4" }, undefined],
  [{ type: "sriov" }, { type: "sriov" }],
  [
    {
      type: "sriov",
      deviceID: "0000:86:00.1",
      pciBusID: "0000:86:00.1",
      vlan: 100,
      vlanQoS: 5,
      vlanProto: "802.1AD",
      mac: "02:00:00:00:00:0A",
      spoofchk: "on",
      trust: "off",
      link_state: "enable",
      min_tx_rate: 100,
      max_tx_rate: 200,
      logLevel: "debug",
      logFile: "/var/log/sriov.log",
    },
    {
      type: "sriov",
      deviceId: "0000:86:00.1",
      vlan: { id: 100, qos: 5, protocol: "802.1ad" },
      mac: "02:00:00:00:00:0a",
      spoofCheck: true,
      trust: false,
      linkState: "enable",
      minRate: 100_000_000,
      maxRate: 200_000_000,
    },
  ],
  [
    {
      type: "sriov",
      vlan: 0,
      vlanQoS: 0,
      vlanProto: "802.1q",
      spoofchk: "",
      link_state: "",
      min_tx_rate: 5,
      max_tx_rate: 0,
    },
    { type: "sriov", vlan: { id: 0, qos: 0, protocol: "802.1Q" }, minRate: 5_000_000, maxRate: 0 },
  ],
  [
    { type: "tuning", dataDir: "/run/tuning" },
    { type: "tuning", sysctl: {} },
  ],
  [
    {
      type: "tuning",
      sysctl: {
        "net.ipv4.conf.IFNAME.arp_filter": "1",
        "net/ipv4/conf/eth0.100/arp_filter": "1",
        "net.ipv4.conf.eth0/200.arp_filter": "1",
      },
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      promisc: true,
      allmulti: false,
      txQLen: 500,
    },
    {
      type: "tuning",
      sysctl: {
        "net/ipv4/conf/IFNAME/arp_filter": "1",
        "net/ipv4/conf/eth0.100/arp_filter": "1",
        "net/ipv4/conf/eth0.200/arp_filter": "1",
      },
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      isPromiscuous: true,
      isAllMulticast: false,
      transmitQueueLength: 500,
    },
  ],
  [
    { type: "tuning", promisc: false, mtu: 0, mac: "" },
    { type: "tuning", sysctl: {} },
  ],
  [
    {
      type: "tuning",
      sysctl: { "net.core.a": "1", "net.core.b": "1" },
      mtu: 1400,
      promisc: true,
      allmulti: true,
      txQLen: 5,
      args: { cni: { sysctl: { "net/core/b": "2" }, mtu: 1300, promisc: false, allmulti: false, txQLen: 6 } },
    },
    {
      type: "tuning",
      sysctl: { "net/core/a": "1", "net/core/b": "2" },
      mtu: 1300,
      isAllMulticast: false,
      transmitQueueLength: 6,
    },
  ],
  [{ type: "bandwidth" }, { type: "bandwidth" }],
  [
    { type: "bandwidth", ingressRate: 1000, ingressBurst: 100, egressRate: 2000, egressBurst: 0 },
    { type: "bandwidth", ingressRate: 1000, ingressBurst: 100, egressRate: 2000 },
  ],
  [{ type: "bandwidth", ingressRate: 1, shapedSubnets: ["10.0.0.0/8"] }, undefined],
  [{ type: "bandwidth", ingressRate: 1, unshapedSubnets: ["10.0.0.0/8"] }, undefined],
  [
    { type: "bandwidth", ingressRate: 1, unshapedSubnets: [] },
    { type: "bandwidth", ingressRate: 1 },
  ],
  [{ type: "ptp", ipMasq: true }, undefined],
  [{ type: "Macvlan" }, undefined],
] as const) {
  test(`a configuration is read: ${JSON.stringify(written)}`, () => {
    assert.deepEqual(parse(written), expected);
  });
}

test("of the MAC addresses that are wished for one counts, in each plugin's own order", () => {
  const byConfiguration = "02:00:00:00:00:01";
  const byEnvironment = "02:00:00:00:00:02";
  const byArgs = "02:00:00:00:00:03";
  const byRuntime = "02:00:00:00:00:04";
  const capabilities = { mac: true };
  const conf = { mac: byConfiguration };
  const withArgs = { ...conf, args: { cni: { mac: byArgs } } };
  const environment = { args: args({ MAC: byEnvironment }) };
  const both = { ...environment, mac: byRuntime };
  for (const [type, written, runtime, expected] of [
    ["macvlan", conf, {}, byConfiguration],
    ["macvlan", withArgs, environment, byEnvironment],
    ["macvlan", withArgs, both, byRuntime],
    ["sriov", conf, {}, byConfiguration],
    ["sriov", conf, environment, byEnvironment],
    ["sriov", conf, both, byRuntime],
    ["bridge", conf, {}, undefined],
    ["bridge", conf, environment, byEnvironment],
    ["bridge", withArgs, environment, byArgs],
    ["bridge", withArgs, both, byRuntime],
    ["tuning", conf, {}, byConfiguration],
    ["tuning", conf, environment, byEnvironment],
    ["tuning", conf, both, byRuntime],
    ["tuning", withArgs, both, byArgs],
  ] as const) {
    const read = parse({ type, capabilities, ...written }, runtime) as { mac?: string };
    assert.equal(read.mac, expected, `${type} ${JSON.stringify(written)}`);
  }
});

test("what is wished for reaches only a plugin that says it takes it", () => {
  const wishes = {
    mac: "02:00:00:00:00:01",
    deviceID: "0000:86:00.2",
    bandwidth: { ingressRate: 1000, ingressBurst: 100 },
  };
  assert.deepEqual(parse({ type: "sriov" }, wishes), { type: "sriov" });
  assert.deepEqual(parse({ type: "sriov", capabilities: { mac: true, deviceID: false } }, wishes), {
    type: "sriov",
    mac: "02:00:00:00:00:01",
  });
  assert.deepEqual(
    parse({ type: "sriov", deviceID: "0000:86:00.1", capabilities: { deviceID: true } }, wishes),
    { type: "sriov", deviceId: "0000:86:00.2" },
  );
  assert.deepEqual(
    parse({ type: "host-device", pciBusID: "0000:86:00.1", capabilities: { deviceID: true } }, wishes),
    { type: "host-device", pciAddress: "0000:86:00.2" },
  );
  assert.deepEqual(parse({ type: "bandwidth" }, wishes), { type: "bandwidth" });
  assert.deepEqual(parse({ type: "bandwidth", capabilities: { bandwidth: true } }, wishes), {
    type: "bandwidth",
    ingressRate: 1000,
    ingressBurst: 100,
  });
});

test("limits that a bandwidth configuration writes count before those that are wished for", () => {
  const written = { type: "bandwidth", egressRate: 5000, capabilities: { bandwidth: true } };
  assert.deepEqual(parse(written, { bandwidth: { ingressRate: 1000 } }), {
    type: "bandwidth",
    egressRate: 5000,
  });
});

const LINK = "a link's name: 1 to 15 bytes without '/', ':', '%' and spaces, such as net1";
const MAC = "an Ethernet address such as 02:00:00:00:00:01";

for (const [what, written, message] of [
  [
    "a macvlan mode that there is not",
    { type: "macvlan", mode: "bridged" },
    'fast mode: "bridged" is not usable; expected one of bridge, private, vepa, passthru; did you mean "bridge"?',
  ],
  [
    "a parent that is no link's name",
    { type: "macvlan", master: "a/b" },
    `fast master: "a/b" is not usable; expected ${LINK}`,
  ],
  [
    "an MTU below 0",
    { type: "macvlan", mtu: -1 },
    "fast mtu: -1 is not usable; expected a whole number from 0 to 65535",
  ],
  [
    "a MAC address that is none",
    { type: "macvlan", mac: "02:00" },
    `fast mac: "02:00" is not usable; expected ${MAC}`,
  ],
  [
    "an ipvlan mode that there is not",
    { type: "ipvlan", mode: "bridge" },
    'fast mode: "bridge" is not usable; expected one of l2, l3, l3s',
  ],
  ["a VLAN without a parent", { type: "vlan", vlanId: 5 }, `fast master is missing; expected ${LINK}`],
  [
    "a VLAN that there is not",
    { type: "vlan", master: "eth1", vlanId: 4095 },
    "fast vlanId: 4095 is not usable; expected a whole number from 0 to 4094",
  ],
  [
    "a bridge's VLAN beside a trunk",
    { type: "bridge", vlan: 5, vlanTrunk: [{ id: 6 }] },
    "fast vlan: 5 is not usable; expected vlan or vlanTrunk, not both",
  ],
  [
    "half a range of a trunk",
    { type: "bridge", vlanTrunk: [{ minID: 6 }] },
    "fast vlanTrunk[0].maxID is missing; expected both minID and maxID, or neither",
  ],
  [
    "a range of a trunk backwards",
    { type: "bridge", vlanTrunk: [{ minID: 6, maxID: 5 }] },
    "fast vlanTrunk[0].maxID: 5 is not usable; expected a VLAN not before minID, 6",
  ],
  [
    "hairpin and promiscuous mode together",
    { type: "bridge", hairpinMode: true, promiscMode: true },
    "fast promiscMode: true is not usable; expected hairpinMode or promiscMode, not both",
  ],
  [
    "addresses for an interface that stays down",
    { type: "bridge", disableContainerInterface: true, ipam: { type: "dhcp" } },
    'fast ipam: {"type":"dhcp"} is not usable; expected no ipam: an interface that stays down (disableContainerInterface) gets no addresses',
  ],
  [
    "a host-device without a device",
    { type: "host-device" },
    "fast: {} is not usable; expected one of the fields device, hwaddr, kernelpath, pciBusID",
  ],
  [
    "a path that leads out of sysfs",
    { type: "host-device", kernelpath: "/sys/devices/../../etc" },
    'fast kernelpath: "/sys/devices/../../etc" is not usable; expected a path below /sys/devices/',
  ],
  [
    "a device that is no PCI address",
    { type: "host-device", pciBusID: "eth1" },
    'fast pciBusID: "eth1" is not usable; expected a PCI address such as 0000:86:00.1',
  ],
  [
    "trust of another word",
    { type: "sriov", trust: "yes" },
    'fast trust: "yes" is not usable; expected one of on, off',
  ],
  [
    "a spoof check that is a flag",
    { type: "sriov", spoofChk: true },
    "fast spoofchk: true is not usable; expected one of on, off",
  ],
  [
    "a link state of another word",
    { type: "sriov", link_state: "up" },
    'fast link_state: "up" is not usable; expected one of auto, enable, disable',
  ],
  [
    "a priority without a VLAN",
    { type: "sriov", vlanQoS: 3 },
    "fast vlanQoS: 3 is not usable; expected nothing where there is no vlan",
  ],
  [
    "a protocol without a VLAN",
    { type: "sriov", vlanProto: "802.1q" },
    'fast vlanProto: "802.1q" is not usable; expected nothing where there is no vlan',
  ],
  [
    "a priority without a tag",
    { type: "sriov", vlan: 0, vlanQoS: 3 },
    "fast vlanQoS: 3 is not usable; expected 0 where vlan is 0, which is no VLAN",
  ],
  [
    "a protocol without a tag",
    { type: "sriov", vlan: 0, vlanProto: "802.1ad" },
    'fast vlanProto: "802.1ad" is not usable; expected 802.1q where vlan is 0, which is no VLAN',
  ],
  [
    "a rate as text",
    { type: "sriov", max_tx_rate: "100M" },
    'fast max_tx_rate: "100M" is not usable; expected a whole number from 0 to 4294967295',
  ],
  [
    "a rate above the ceiling",
    { type: "sriov", min_tx_rate: 20, max_tx_rate: 10 },
    "fast min_tx_rate: 20 is not usable; expected no more than max_tx_rate, 10",
  ],
  [
    "a setting of the node",
    { type: "tuning", sysctl: { "kernel.panic": "1" } },
    'fast sysctl["kernel.panic"]: "1" is not usable; expected a setting below net, such as net.ipv4.ip_forward',
  ],
  [
    "a setting that leads out of net",
    { type: "tuning", sysctl: { "net/../kernel/panic": "1" } },
    'fast sysctl["net/../kernel/panic"]: "1" is not usable; expected a setting below net, such as net.ipv4.ip_forward',
  ],
  [
    "a setting that is a number",
    { type: "tuning", sysctl: { "net.core.a": 1 } },
    'fast sysctl["net.core.a"]: 1 is not usable; expected text; put it in quotes',
  ],
  [
    "a burst without a rate",
    { type: "bandwidth", ingressBurst: 5 },
    "fast ingressRate is missing; expected a rate beside ingressBurst",
  ],
  [
    "a rate below 0",
    { type: "bandwidth", egressRate: -1 },
    "fast egressRate: -1 is not usable; expected a whole number from 0 to 9007199254740991",
  ],
] as const) {
  test(`${what} is refused`, () =>
    assert.deepEqual(
      mistakesOf(() => parse(written)),
      [message],
    ));
}

test("a wish that cannot be read is refused where it was said", () => {
  assert.deepEqual(
    mistakesOf(() => parse({ type: "sriov", capabilities: { mac: true } }, { mac: "x" })),
    [`fast runtimeConfig.mac: "x" is not usable; expected ${MAC}`],
  );
  assert.deepEqual(
    mistakesOf(() => parse({ type: "sriov" }, { args: args({ MAC: "x" }) })),
    [`fast CNI_ARGS MAC: "x" is not usable; expected ${MAC}`],
  );
  assert.deepEqual(
    mistakesOf(() =>
      parse({ type: "bandwidth", capabilities: { bandwidth: true } }, { bandwidth: { egressBurst: 5 } }),
    ),
    ["fast runtimeConfig.bandwidth egressRate is missing; expected a rate beside egressBurst"],
  );
});

test("fields that a known plugin does not have are told, with what was probably meant", () => {
  const written = {
    type: "sriov",
    name: "x",
    cniVersion: "1.0.0",
    maxTxRate: 5,
    MAX_TX_RATE: 6,
    note: "",
    ipam: {},
  };
  assert.deepEqual(unknownKeys(pluginOf(written)), [
    'sriov has no field "maxTxRate", which is ignored; did you mean "max_tx_rate"?',
    'sriov has no field "note", which is ignored',
  ]);
  assert.deepEqual(unknownKeys(pluginOf({ type: "macvlan", parent: "eth1" })), [
    'macvlan has no field "parent", which is ignored',
  ]);
  assert.deepEqual(unknownKeys(pluginOf({ type: "calico", anything: 1 })), []);
});
