import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDevicePluginConfig } from "../../../src/model/device-plugin-config.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";
import { InvalidObjectError } from "../../../src/model/validation.ts";

const health = { ...DEFAULT_HEALTH_POLICY, carrier: "report" } as const;
const defaults = { prefix: "intel.com", health };
const plain = { isRdma: false, needVhostNet: false };
const common = {
  kind: "netDevice",
  prefix: "intel.com",
  name: "a",
  allocation: "numa",
  health,
  additionalInfo: {},
  excludeTopology: false,
};

function read(resourceList: unknown) {
  const { pools, problems } = parseDevicePluginConfig({ resourceList }, "config.json", defaults);
  return { pools, messages: problems.map(({ message }) => message) };
}

/** What a resource that names only itself and one selector is read as. */
function readSelector(selector: unknown, resource: object = {}) {
  const { pools, messages } = read([{ resourceName: "a", selectors: [selector], ...resource }]);
  return { selectors: pools[0]?.selectors, messages };
}

test("a resource is read with the plugin's defaults and the agent's health", () => {
  const { pools, messages } = read([{ resourceName: "a", selectors: [{ vendors: ["8086"] }] }]);
  assert.deepEqual(messages, []);
  assert.deepEqual(pools, [{ ...common, selectors: [{ ...plain, vendors: ["8086"] }] }]);
});

test("every field is read, and words that the kernel writes otherwise get its spelling", () => {
  const { pools, messages } = read([
    {
      resourceName: "nics-2_b",
      resourcePrefix: "example.org",
      deviceType: "netDevice",
      excludeTopology: true,
      additionalInfo: { "*": { a: "b" }, "86:0A.1": { c: "d", e: null }, "0000:86:0a.2": null },
      selectors: [
        {
          vendors: ["15B3"],
          devices: ["101E"],
          drivers: ["vfio-pci"],
          pciAddresses: ["86:0A.1", "0000:86:0A.2"],
          acpiIndexes: ["101"],
          pfNames: ["eth0", "eth1#0,2-7"],
          rootDevices: ["86:00.0#1"],
          linkTypes: ["ether"],
          ddpProfiles: ["GTPv1-C/U IPv4/IPv6 payload"],
          pKeys: ["0x8A01"],
          isRdma: true,
          needVhostNet: true,
        },
        { vdpaType: "virtio" },
      ],
    },
  ]);
  assert.deepEqual(messages, []);
  const range = [
    [0, 0],
    [2, 7],
  ] as const;
  const first = {
    vendors: ["15b3"],
    devices: ["101e"],
    drivers: ["vfio-pci"],
    pciAddresses: ["0000:86:0a.1", "0000:86:0a.2"],
    acpiIndexes: ["101"],
    pfNames: [
      { pf: "eth0", numbers: undefined },
      { pf: "eth1", numbers: range },
    ],
    rootDevices: [{ pf: "0000:86:00.0", numbers: [[1, 1]] }],
    linkTypes: ["ether"],
    ddpProfiles: ["GTPv1-C/U IPv4/IPv6 payload"],
    pKeys: ["0x8a01"],
    isRdma: true,
    needVhostNet: true,
  };
  assert.deepEqual(pools, [
    {
      ...common,
      prefix: "example.org",
      name: "nics-2_b",
      excludeTopology: true,
      additionalInfo: { "*": { a: "b" }, "0000:86:0a.1": { c: "d" } },
      selectors: [first, { ...plain, vdpaType: "virtio" }],
    },
  ]);
});

test("keys are read in any letter case, and the last of two counts", () => {
  const document = {
    RESOURCELIST: [
      {
        ResourceName: "a",
        deviceType: "accelerator",
        DEVICETYPE: "netDevice",
        Selectors: { VENDORS: ["8086"], vendors: ["15b3"], IsRdma: true, isrdma: false, PfNames: ["eth0"] },
      },
    ],
  };
  const { pools, problems } = parseDevicePluginConfig(document, "config.json", defaults);
  assert.deepEqual(problems, []);
  const pfNames = [{ pf: "eth0", numbers: undefined }];
  assert.deepEqual(pools, [{ ...common, selectors: [{ ...plain, vendors: ["15b3"], pfNames }] }]);
});

test("what is null, empty or far from every known key says nothing", () => {
  const { pools, messages } = read([
    {
      resourceName: "a",
      resourcePrefix: "",
      deviceType: null,
      excludeTopology: null,
      additionalInfo: null,
      comment: "for nobody",
      selectors: [null, { vendors: null, devices: [], vdpaType: "", isRdma: null, comment: 1 }],
    },
  ]);
  assert.deepEqual(messages, []);
  assert.deepEqual(pools, [{ ...common, selectors: [plain] }]);
});

test("accelerators and sub-functions have selectors of their own", () => {
  const { pools, messages } = read([
    { resourceName: "a", deviceType: "accelerator", selectors: { acpiIndexes: ["1"], devices: ["0d5c"] } },
    { resourceName: "b", deviceType: "auxNetDevice", selectors: { auxTypes: ["sf"], pfNames: ["p0#1-9"] } },
  ]);
  assert.deepEqual(messages, []);
  assert.deepEqual(
    pools.map(({ kind, selectors }) => [kind, selectors]),
    [
      ["accelerator", [{ ...plain, acpiIndexes: ["1"], devices: ["0d5c"] }]],
      ["auxNetDevice", [{ ...plain, auxTypes: ["sf"], pfNames: [{ pf: "p0", numbers: [[1, 9]] }] }]],
    ],
  );
});

const selectorNotes: [string, unknown, object, string[]][] = [
  [
    "an id with its base is read without it",
    { vendors: ["0x8086"], devices: ["0X101E"] },
    { vendors: ["8086"], devices: ["101e"] },
    [
      '.vendors[0]: "0x8086" is not usable; expected "8086", as which it is read',
      '.devices[0]: "0X101E" is not usable; expected "101e", as which it is read',
    ],
  ],
  [
    "a range that cannot be read matches nothing",
    { pfNames: ["eth0", "netpf0#a-b"], rootDevices: ["86:00.0#7-2", 5] },
    {
      pfNames: [
        { pf: "eth0", numbers: undefined },
        { pf: "netpf0", numbers: [] },
      ],
      rootDevices: [
        { pf: "0000:86:00.0", numbers: [] },
        { pf: "?", numbers: [] },
      ],
    },
    [
      '.pfNames[1]: "netpf0#a-b" is not usable; expected the name of a PF, or some of its functions as ' +
        "eth0#0,2-7,9; the part behind # is numbers and ranges from 0, first before last, such as 0,2-7,9; " +
        "this entry matches nothing",
      '.rootDevices[0]: "86:00.0#7-2" is not usable; expected the PCI address of a PF, or some of its functions ' +
        "as 0000:86:00.0#0,2-7,9; the part behind # is numbers and ranges from 0, first before last, such as " +
        "0,2-7,9; this entry matches nothing",
      ".rootDevices[1]: 5 is not usable; expected the PCI address of a PF, or some of its functions as " +
        "0000:86:00.0#0,2-7,9; this entry matches nothing",
    ],
  ],
  [
    "a word that cannot be read keeps its place, so that the list does not become empty",
    { vendors: ["intel"], pciAddresses: ["86"], acpiIndexes: ["x"], pKeys: [8001], drivers: [null] },
    { vendors: ["?"], pciAddresses: ["?"], acpiIndexes: ["?"], pKeys: ["?"], drivers: ["?"] },
    [
      '.vendors[0]: "intel" is not usable; expected four hexadecimal digits in quotes, such as "8086"; this entry ' +
        "matches nothing",
      ".drivers[0]: null is not usable; expected the name of a driver, such as vfio-pci; this entry matches nothing",
      '.pciAddresses[0]: "86" is not usable; expected a PCI address such as 0000:86:00.1; this entry matches nothing',
      '.acpiIndexes[0]: "x" is not usable; expected a decimal number from acpi_index, such as "101"; this entry ' +
        "matches nothing",
      '.pKeys[0]: 8001 is not usable; expected a partition key in quotes, such as "0x8001"; this entry matches nothing',
    ],
  ],
  [
    "a key that is nearly one is told, because without it everything is selected",
    { vendor: ["8086"], PFName: ["eth0"] },
    {},
    [
      '.vendor: ["8086"] is not usable; expected one of the fields vendors, devices, drivers, pciAddresses, ' +
        "acpiIndexes, pfNames, rootDevices, linkTypes, isRdma, needVhostNet, ddpProfiles, pKeys, vdpaType; did you " +
        'mean "vendors"? It is ignored as it stands',
      '.PFName: ["eth0"] is not usable; expected one of the fields vendors, devices, drivers, pciAddresses, ' +
        "acpiIndexes, pfNames, rootDevices, linkTypes, isRdma, needVhostNet, ddpProfiles, pKeys, vdpaType; did you " +
        'mean "pfNames"? It is ignored as it stands',
    ],
  ],
  [
    "a field of another device type is told",
    { auxTypes: ["sf"] },
    {},
    [
      '.auxTypes: ["sf"] is not usable; expected one of the fields vendors, devices, drivers, pciAddresses, ' +
        "acpiIndexes, pfNames, rootDevices, linkTypes, isRdma, needVhostNet, ddpProfiles, pKeys, vdpaType for the " +
        "device type netDevice; it is ignored",
    ],
  ],
];

for (const [name, written, expected, notes] of selectorNotes) {
  test(`in a selector ${name}, and the resource stays`, () => {
    const { selectors, messages } = readSelector(written);
    assert.deepEqual(selectors, [{ ...plain, ...expected }]);
    assert.deepEqual(
      messages,
      notes.map((note) => `config.json resourceList[0].selectors[0]${note}`),
    );
  });
}

test("what is wrong in a selector without a list is told without a number", () => {
  const { messages } = read([{ resourceName: "a", selectors: { linkTypes: [""] } }]);
  assert.equal(messages.length, 1);
  assert.match(messages[0] ?? "", /^config\.json resourceList\[0\]\.selectors\.linkTypes\[0\]: "" /);
});

const resourceNotes: [string, object, object, RegExp[]][] = [
  [
    "isRdma beside the selectors counts for those that do not say",
    { isRdma: true, selectors: [{}, { isRdma: false }] },
    { selectors: [{ ...plain, isRdma: true }, plain] },
    [/resourceList\[0\]\.isRdma: true .*expected selectors: \[\{"isRdma": true\}\], as which it is read$/],
  ],
  [
    "isRdma beside the selectors of accelerators counts for nothing",
    { isRdma: true, deviceType: "accelerator", selectors: {} },
    { kind: "accelerator", selectors: [plain] },
    [/resourceList\[0\]\.isRdma: true .*; it is ignored here$/],
  ],
  [
    "fields of old configurations are answered with what to write now",
    { rootDevices: ["02:00.0"], sriovMode: true, selectors: {} },
    { selectors: [plain] },
    [
      /\.sriovMode: true .*expected selectors: \[\{"rootDevices": \["0000:86:00\.0"\]\}\], which selects the VFs of a PF; it is ignored here$/,
      /\.rootDevices: \["02:00\.0"\] .*expected selectors: \[\{"rootDevices": \["02:00\.0"\]\}\]; it is ignored here$/,
    ],
  ],
  [
    "a key that is nearly one is told",
    { selectors: {}, exludeTopology: true },
    { selectors: [plain] },
    [/\.exludeTopology: true .*did you mean "excludeTopology"\? It is ignored as it stands$/],
  ],
  [
    "information that cannot be read is left out",
    { selectors: {}, additionalInfo: { eth0: { a: "b" }, "*": { a: "b", n: 5 }, "0000:86:00.1": ["x"] } },
    { selectors: [plain], additionalInfo: { "*": { a: "b" } } },
    [
      /\.additionalInfo\["eth0"\]: .*a PCI address such as .*; it is ignored$/,
      /\.additionalInfo\["\*"\]\["n"\]: 5 .*text in quotes; it is ignored$/,
      /\.additionalInfo\["0000:86:00\.1"\]: \["x"\] .*names with text values; it is ignored$/,
    ],
  ],
];

for (const [name, written, expected, notes] of resourceNotes) {
  test(`in a resource ${name}, and the resource stays`, () => {
    const { pools, messages } = read([{ resourceName: "a", ...written }]);
    assert.deepEqual(pools, [{ ...common, ...expected }]);
    assert.equal(messages.length, notes.length, messages.join("\n"));
    for (const [index, pattern] of notes.entries()) assert.match(messages[index] ?? "", pattern);
  });
}

const leftOut: [string, unknown, RegExp[]][] = [
  ["that is no mapping", "a", [/resourceList\[0\]: "a" .*a mapping with the fields resourceName, /]],
  [
    "without a name",
    { resourceName: undefined },
    [/\.resourceName is missing; expected a name of at most 63/],
  ],
  ["whose name has a point", { resourceName: "a.b" }, [/\.resourceName: "a\.b" /]],
  [
    "whose name the kubelet refuses",
    { resourceName: "_a" },
    [/\.resourceName: "_a" .*letter or digit at both ends/],
  ],
  ["whose name is too long", { resourceName: "a".repeat(64) }, [/\.resourceName: "a{64}" /]],
  [
    "whose name is a number",
    { resourceName: 5 },
    [/\.resourceName: 5 .*text in quotes/, /\.resourceName: 5 /],
  ],
  [
    "with a prefix of Kubernetes",
    { resourcePrefix: "kubernetes.io" },
    [/\.resourcePrefix: "kubernetes\.io" .*a domain in lower case that is not Kubernetes' own/],
  ],
  ["with a prefix that is no domain", { resourcePrefix: "Intel/x" }, [/\.resourcePrefix: "Intel\/x" /]],
  [
    "of a device type in the wrong letters",
    { deviceType: "netdevice" },
    [/\.deviceType: "netdevice" .*one of netDevice, accelerator, auxNetDevice; did you mean "netDevice"\?/],
  ],
  ["without selectors", { selectors: undefined }, [/\.selectors is missing; expected at least one selector/]],
  ["with an empty list of selectors", { selectors: [] }, [/\.selectors: \[\] .*at least one selector/]],
  [
    "with nothing in its list of selectors",
    { selectors: [null] },
    [/\.selectors: \[null\] .*at least one selector/],
  ],
  [
    "with a text for its selectors",
    { selectors: "8086" },
    [/\.selectors: "8086" .*a list/, /at least one selector/],
  ],
  ["with a text for a list", { selectors: [{ vendors: "8086" }] }, [/\.vendors: "8086" .*expected a list/]],
  ["with a text for yes or no", { excludeTopology: "true" }, [/\.excludeTopology: "true" .*true or false/]],
  [
    "with a list of information",
    { additionalInfo: [] },
    [/\.additionalInfo: \[\] .*a mapping of PCI addresses/],
  ],
  [
    "with a selector that is no mapping",
    { selectors: [{}, "8086"] },
    [/\.selectors\[1\]: "8086" .*a mapping with the fields vendors, /],
  ],
  [
    "that asks for RDMA and vDPA in one selector",
    { selectors: [{}, { isRdma: true, vdpaType: "vhost" }] },
    [/\.selectors\[1\]\.vdpaType: "vhost" .*no vdpaType beside isRdma; give each a selector of its own/],
  ],
  [
    "of an unknown vDPA type",
    { selectors: { vdpaType: "vhosts" } },
    [/\.selectors\.vdpaType: "vhosts" .*one of vhost, virtio; did you mean "vhost"\?/],
  ],
  [
    "of sub-functions without their type",
    { deviceType: "auxNetDevice", selectors: [{ vendors: ["15b3"] }] },
    [/\.selectors\[0\]\.auxTypes is missing; expected \["sf"\], the only kind that is known/],
  ],
  [
    "of other auxiliary devices",
    { deviceType: "auxNetDevice", selectors: [{ auxTypes: ["sf", "eth"] }] },
    [/\.selectors\[0\]\.auxTypes\[1\]: "eth" .*sf, the only kind that is known/],
  ],
];

for (const [name, written, expected] of leftOut) {
  test(`a resource ${name} is left out and told, the others go on`, () => {
    const base = { resourceName: "a", selectors: {} };
    const faulty = typeof written === "object" ? { ...base, ...written } : written;
    const { pools, messages } = read([faulty, { ...base, resourceName: "other" }]);
    assert.deepEqual(
      pools.map((pool) => pool.name),
      ["other"],
    );
    assert.equal(messages.length, expected.length, messages.join("\n"));
    for (const [index, pattern] of expected.entries()) {
      const message = messages[index] ?? "";
      assert.match(message, pattern);
      assert.ok(message.startsWith("config.json resourceList[0]"), message);
      assert.ok(message.endsWith("; the resource is left out"), message);
    }
  });
}

test("of two resources of one name the first counts, and a name may come back under another prefix", () => {
  const resource = { resourceName: "a", selectors: {} };
  const { pools, messages } = read([
    resource,
    { ...resource, resourcePrefix: "example.org" },
    { ...resource, resourcePrefix: "intel.com", excludeTopology: true },
  ]);
  assert.deepEqual(
    pools.map(({ prefix, excludeTopology }) => [prefix, excludeTopology]),
    [
      ["intel.com", false],
      ["example.org", false],
    ],
  );
  assert.deepEqual(messages, [
    'config.json resourceList[2].resourceName: "a" is not usable; expected a name of its own: intel.com/a is taken ' +
      "by config.json resourceList[0]",
  ]);
});

test("a file without resources is told, with the key that was nearly right", () => {
  for (const document of [{}, { resourceList: null }, { resourceList: [] }]) {
    const { pools, problems } = parseDevicePluginConfig(document, "config.json", defaults);
    assert.deepEqual(pools, []);
    assert.match(problems.map(String).join("\n"), /^[^\n]*config\.json resourceList.*at least one resource$/);
  }
  const { problems } = parseDevicePluginConfig({ resourcesList: [] }, "config.json", defaults);
  assert.match(
    problems[0]?.message ?? "",
    /^config\.json resourcesList: \[\] .*did you mean "resourceList"\?/,
  );
});

test("a document that is no configuration at all is refused as a whole", () => {
  for (const document of [undefined, null, [], "text", { resourceList: {} }, { resourceList: "a" }]) {
    assert.throws(() => parseDevicePluginConfig(document, "config.json", defaults), InvalidObjectError);
  }
});
