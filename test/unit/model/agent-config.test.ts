import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { parseAgentConfig, parseListenAddress } from "../../../src/model/agent-config.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";

const prefix = "lanyard.dev";
const common = { prefix, allocation: "numa", health: DEFAULT_HEALTH_POLICY };

test("a configuration that says nothing means the defaults", () => {
  for (const document of [null, undefined, {}]) {
    assert.deepEqual(parseAgentConfig(document, "c"), {
      resourcePrefix: prefix,
      devicePluginPrefix: "intel.com",
      health: DEFAULT_HEALTH_POLICY,
      pools: [],
      problems: [],
      metrics: { address: { kind: "tcp", port: 9808 } },
      cdi: { enabled: false, directory: "/var/run/cdi" },
      deviceInfo: {},
      kubelet: {},
      cni: {
        enabled: false,
        binDirectory: "/opt/cni/bin",
        confDirectory: "/etc/cni/net.d",
        pluginDirectories: [],
        chained: true,
        defaultNetworks: [],
        namespaceIsolation: false,
        globalNamespaces: ["default"],
        systemNamespaces: ["kube-system"],
        multusSocket: false,
        multusDirectory: "/run/multus",
        waitMs: 30_000,
        graceMs: 120_000,
        programTimeoutMs: 60_000,
        collectIntervalMs: 60_000,
      },
      provisioning: {},
    });
  }
});

test("a section that says one thing keeps the defaults of the others", () => {
  const document = {
    resourcePrefix: "example.org",
    cdi: { enabled: true },
    deviceInfo: {},
    metrics: {},
    kubelet: { pluginsRegistry: "/var/lib/kubelet/plugins_registry" },
    provisioning: { nodeLabels: { rack: "b7" } },
  };
  const { resourcePrefix, devicePluginPrefix, cdi, deviceInfo, metrics, kubelet, provisioning } =
    parseAgentConfig(document, "c");
  assert.deepEqual([resourcePrefix, devicePluginPrefix], ["example.org", "example.org"]);
  assert.deepEqual(cdi, { enabled: true, directory: "/var/run/cdi" });
  assert.equal(deviceInfo.directory, undefined);
  assert.deepEqual(metrics.address, { kind: "tcp", port: 9808 });
  assert.deepEqual([kubelet, provisioning], [document.kubelet, document.provisioning]);
});

test("the example's configuration offers NICs and bandwidth", () => {
  const file = new URL("../../../deploy/standalone/config.yaml", import.meta.url);
  const { pools, problems } = parseAgentConfig(parse(readFileSync(file, "utf8")), "config.yaml");
  assert.deepEqual(problems, []);
  assert.deepEqual(pools, [
    { ...common, kind: "hostDevice", name: "nics", links: ["nic*"] },
    {
      ...common,
      kind: "bandwidthShare",
      name: "uplink0-bandwidth",
      uplink: "uplink0",
      share: 50_000_000,
      total: 1_000_000_000,
    },
  ]);
});

const functionCommon = { ...common, additionalInfo: {}, excludeTopology: false };
const plain = { isRdma: false, needVhostNet: false };

const functionPools: [string, object, object][] = [
  [
    "network functions by every field",
    {
      kind: "netDevice",
      name: "vfs",
      prefix: "example.org",
      allocation: "bond",
      excludeTopology: true,
      additionalInfo: { "*": { a: "b" }, "86:0A.1": { c: "d" } },
      selectors: [
        {
          vendors: ["15B3"],
          devices: ["1018"],
          drivers: ["vfio-pci"],
          pciAddresses: ["86:0A.1"],
          acpiIndexes: ["101", 7],
          pfNames: ["eth0", "eth1#0,2-7"],
          rootDevices: ["0000:86:00.0#1"],
          linkTypes: ["ether"],
          ddpProfiles: ["GTPv1-C/U IPv4/IPv6 payload"],
          pKeys: ["0x8A"],
          isRdma: true,
          needVhostNet: true,
        },
        { vdpaType: "vhost" },
      ],
    },
    {
      prefix: "example.org",
      allocation: "bond",
      excludeTopology: true,
      additionalInfo: { "*": { a: "b" }, "0000:86:0a.1": { c: "d" } },
      selectors: [
        {
          vendors: ["15b3"],
          devices: ["1018"],
          drivers: ["vfio-pci"],
          pciAddresses: ["0000:86:0a.1"],
          acpiIndexes: ["101", "7"],
          pfNames: [
            { pf: "eth0", numbers: undefined },
            {
              pf: "eth1",
              numbers: [
                [0, 0],
                [2, 7],
              ],
            },
          ],
          rootDevices: [{ pf: "0000:86:00.0", numbers: [[1, 1]] }],
          linkTypes: ["ether"],
          ddpProfiles: ["GTPv1-C/U IPv4/IPv6 payload"],
          pKeys: ["0x008a"],
          isRdma: true,
          needVhostNet: true,
        },
        { ...plain, vdpaType: "vhost" },
      ],
    },
  ],
  [
    "accelerators by one selector without a list",
    { kind: "accelerator", name: "fec", selectors: { vendors: ["8086"], acpiIndexes: ["1"] } },
    { selectors: [{ ...plain, vendors: ["8086"], acpiIndexes: ["1"] }] },
  ],
  [
    "sub-functions",
    { kind: "auxNetDevice", name: "sfs", selectors: [{ auxTypes: ["sf"], pfNames: ["p0#1-16"] }] },
    { selectors: [{ ...plain, auxTypes: ["sf"], pfNames: [{ pf: "p0", numbers: [[1, 16]] }] }] },
  ],
];

for (const [name, written, expected] of functionPools) {
  test(`a pool can be of ${name}`, () => {
    const { pools, problems } = parseAgentConfig({ pools: [written] }, "c");
    assert.deepEqual(problems, []);
    const { kind, name: poolName } = written as { kind: string; name: string };
    assert.deepEqual(pools, [{ ...functionCommon, kind, name: poolName, ...expected }]);
  });
}

test("health is the pool's own, over the file's, over the default", () => {
  const document = {
    health: { carrier: "report", devlink: "ignore" },
    pools: [nics, { ...nics, name: "own", health: { carrier: "unhealthy", present: "report" } }],
  };
  const { health, pools } = parseAgentConfig(document, "c");
  const ofFile = { ...DEFAULT_HEALTH_POLICY, carrier: "report", devlink: "ignore" };
  assert.deepEqual(health, ofFile);
  assert.deepEqual(
    pools.map((pool) => pool.health),
    [ofFile, { ...ofFile, carrier: "unhealthy", present: "report" }],
  );
});

test("an address to listen on is a port, a host and port, or a socket", () => {
  for (const [written, expected] of [
    [":9808", { kind: "tcp", port: 9808 }],
    ["127.0.0.1:0", { kind: "tcp", host: "127.0.0.1", port: 0 }],
    ["node.example:80", { kind: "tcp", host: "node.example", port: 80 }],
    ["[::1]:9808", { kind: "tcp", host: "::1", port: 9808 }],
    ["unix:/run/m.sock", { kind: "unix", path: "/run/m.sock" }],
  ] as const) {
    assert.deepEqual(parseListenAddress(written, "x"), expected);
  }
  for (const written of ["9808", 9808, "::1:9808", "[10.0.0.1]:1", ":65536", ":", "unix:m.sock", "a b:1"]) {
    assert.throws(() => parseListenAddress(written, "x"), /an address such as :9808/, String(written));
  }
});

const nics = { kind: "hostDevice", name: "nics", links: ["nic*"] };
const vfs = { kind: "netDevice", name: "vfs" };
const shares = { kind: "bandwidthShare", name: "b", uplink: "u", share: "1G" };
const atLeastOne = /at least one entry; without the field all are meant$/;

const poolFaults: [string, unknown, RegExp[]][] = [
  [
    "of an unknown kind",
    { ...nics, kind: "hostdevice" },
    [/^c pools\[0\]\.kind: "hostdevice" .*did you mean "hostDevice"\?$/],
  ],
  ["that is no mapping", "nics", [/^c pools\[0\]: "nics" is not usable; expected a mapping/]],
  ["whose name has a prefix", { ...nics, name: "a.b/c" }, [/^c pools\[0\]\.name: .*without a prefix/]],
  ["of a prefix without a domain", { ...nics, prefix: "lanyard" }, [/^c pools\[0\]\.prefix: "lanyard"/]],
  ["without patterns", { ...nics, links: [] }, [/^c pools\[0\]\.links: \[\] .*at least one pattern/]],
  ["with a path for a pattern", { ...nics, links: ["/sys/*"] }, [/^c pools\[0\]\.links\[0\]: "\/sys\/\*"/]],
  [
    "whose share is above its total",
    { ...shares, share: "2G", total: "1G" },
    [/^c pools\[0\]\.share: "2G" .*not above the total$/],
  ],
  [
    "of an unknown allocation policy",
    { ...shares, allocation: "packs" },
    [/^c pools\[0\]\.allocation: .*one of numa, pack, spread, bond; did you mean "pack"\?$/],
  ],
  [
    "with unknown words of health",
    { ...nics, health: { carier: "report", driver: "warn" } },
    [
      /^c pools\[0\]\.health\.driver: "warn" .*one of ignore, report, unhealthy$/,
      /^c pools\[0\]\.health\.carier: "report" .*did you mean "carrier"\?$/,
    ],
  ],
  [
    "of functions without selectors",
    vfs,
    [/^c pools\[0\]\.selectors is missing; expected a selector, or a list of them$/],
  ],
  [
    "with no selector",
    { ...vfs, selectors: [] },
    [/^c pools\[0\]\.selectors: \[\] .*at least one selector$/],
  ],
  [
    "with a misspelt field in one of its selectors",
    { ...vfs, selectors: [{}, { vendor: ["8086"] }] },
    [/^c pools\[0\]\.selectors\[1\]\.vendor: \["8086"\] .*did you mean "vendors"\?$/],
  ],
  [
    "with a misspelt field in its only selector",
    { ...vfs, selectors: { vendor: ["8086"] } },
    [/^c pools\[0\]\.selectors\.vendor: \["8086"\] .*did you mean "vendors"\?$/],
  ],
  [
    "with entries that cannot be read",
    { ...vfs, selectors: [{ vendors: [8086], pfNames: ["eth0#a-b"], pKeys: ["8001"], drivers: [] }] },
    [
      /^c pools\[0\]\.selectors\[0\]\.vendors\[0\]: 8086 .*four hexadecimal digits in quotes/,
      atLeastOne,
      /^c pools\[0\]\.selectors\[0\]\.pfNames\[0\]: "eth0#a-b" .*the part behind #/,
      /^c pools\[0\]\.selectors\[0\]\.pKeys\[0\]: "8001" .*"0x8001"$/,
    ],
  ],
  [
    "that asks for RDMA and vDPA in one selector",
    { ...vfs, selectors: [{ isRdma: true, vdpaType: "vhost" }] },
    [/^c pools\[0\]\.selectors\[0\]\.vdpaType: "vhost" .*no vdpaType beside isRdma/],
  ],
  [
    "of accelerators with fields of network functions",
    { ...vfs, kind: "accelerator", selectors: [{ pfNames: ["eth0"], isRdma: true }] },
    [
      /selectors\[0\]\.pfNames: /,
      /selectors\[0\]\.isRdma: true .*vendors, devices, drivers, pciAddresses, acpiIndexes$/,
    ],
  ],
  [
    "of sub-functions with an address and without a type",
    { ...vfs, kind: "auxNetDevice", selectors: [{ pciAddresses: ["0000:86:00.0"] }] },
    [/selectors\[0\]\.auxTypes is missing; expected a list$/, /selectors\[0\]\.pciAddresses: /],
  ],
  [
    "of other auxiliary devices than sub-functions",
    { ...vfs, kind: "auxNetDevice", selectors: [{ auxTypes: ["SF"] }] },
    [/selectors\[0\]\.auxTypes\[0\]: "SF" .*sf, the only kind that is known; did you mean "sf"\?$/],
  ],
  [
    "with information for no address and of no text",
    { ...vfs, selectors: {}, additionalInfo: { eth0: { a: "b" } } },
    [/^c pools\[0\]\.additionalInfo\.eth0: .*a PCI address such as .*, or \* for every device, before it$/],
  ],
  [
    "with information of no text",
    { ...vfs, selectors: {}, additionalInfo: { "*": { a: 1 } } },
    [/^c pools\[0\]\.additionalInfo\["\*"\]\.a: 1 .*put it in quotes$/],
  ],
];

for (const [name, pool, expected] of poolFaults) {
  test(`a pool ${name} is left out and told, the others go on`, () => {
    const other = { ...nics, name: "other" };
    const { pools, problems } = parseAgentConfig({ pools: [pool, other] }, "c");
    assert.deepEqual(
      pools.map((each) => each.name),
      ["other"],
    );
    const messages = problems.map(({ message }) => message);
    assert.equal(messages.length, expected.length, messages.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(messages[index] ?? "", pattern);
  });
}

test("of two pools of one resource the first counts, and a name may come back under another prefix", () => {
  const document = { pools: [nics, { ...shares, name: "nics" }, { ...nics, prefix: "example.org" }] };
  const { pools, problems } = parseAgentConfig(document, "c");
  assert.deepEqual(
    pools.map((pool) => `${pool.kind} ${pool.prefix}/${pool.name}`),
    ["hostDevice lanyard.dev/nics", "hostDevice example.org/nics"],
  );
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'c pools[1].name: "nics" is not usable; expected a name of its own: lanyard.dev/nics is taken by c pools[0]',
    ],
  );
});

const faults: [string, unknown, RegExp][] = [
  [
    "a prefix of Kubernetes",
    { resourcePrefix: "a.kubernetes.io" },
    /^c resourcePrefix: .*a domain of your own/,
  ],
  ["a prefix that is no domain", { resourcePrefix: "lanyard" }, /^c resourcePrefix: "lanyard"/],
  ["a mapping for the pools", { pools: {} }, /^c pools: \{\} .*a list$/],
  ["an unknown section", { metric: {} }, /^c metric: \{\} .*did you mean "metrics"\?$/],
  ["an unknown condition of health", { health: { carier: "report" } }, /^c health\.carier: .*"carrier"\?$/],
  [
    "a folder that is no whole path",
    { cdi: { directory: "cdi" } },
    /^c cdi\.directory: "cdi" .*beginning with \/$/,
  ],
  ["a label without quotes", { provisioning: { nodeLabels: { a: 1 } } }, /^c provisioning\.nodeLabels\.a: 1/],
  ["a list", [], /^c: \[\] .*a mapping with the fields resourcePrefix, pools, health, metrics/],
];

for (const [name, document, message] of faults) {
  test(`${name} in the configuration is refused`, () => {
    assert.throws(() => parseAgentConfig(document, "c"), { message, code: "invalid" });
  });
}
