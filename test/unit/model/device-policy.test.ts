import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDevicePolicy } from "../../../src/model/device-policy.ts";
import { manifestKey, parseManifest } from "../../../src/model/manifest.ts";
import { InvalidObjectError } from "../../../src/model/validation.ts";

const nicSelector = { pfNames: ["eth1"] };

function policy(spec: object) {
  return { apiVersion: "lanyard.dev/v1alpha1", kind: "DevicePolicy", metadata: { name: "x" }, spec };
}

test("a policy that names only its PFs leaves them as they are", () => {
  const parsed = parseManifest(policy({ nicSelector }), "f#1");
  assert.deepEqual(parsed, {
    kind: "DevicePolicy",
    name: "x",
    nodeSelector: {},
    nicSelector: { pfNames: [{ pf: "eth1", numbers: undefined }] },
    externallyManaged: false,
    priority: 99,
    vfGroups: [],
  });
  assert.equal(manifestKey(parsed), "DevicePolicy x");
});

test("every field of a policy is read, with rates in bits per second", () => {
  const spec = {
    nodeSelector: { "example.org/rack": "b7" },
    nicSelector: {
      vendors: ["15B3"],
      devices: ["1017"],
      pfNames: ["eth1#0-3"],
      rootDevices: ["86:00.0"],
      linkTypes: ["ether"],
    },
    numVfs: 8,
    mtu: 9000,
    eswitchMode: "switchdev",
    externallyManaged: true,
    priority: 0,
    vfGroups: [
      {
        range: "0-3,5",
        driver: "vfio-pci",
        mtu: 9000,
        resourceName: "dpdk",
        vlan: { id: 100, qos: 3, protocol: "802.1ad" },
        spoofCheck: false,
        trust: true,
        linkState: "enable",
        minTxRate: "100M",
        maxTxRate: "1G",
      },
      { range: 7, vlan: { id: 0 }, minTxRate: "2G", maxTxRate: 0 },
      {},
    ],
  };
  const {
    range: _range,
    driver: _driver,
    mtu: _mtu,
    resourceName: _name,
    ...written
  } = spec.vfGroups[0] ?? {};
  assert.deepEqual(parseDevicePolicy({ ...policy(spec), status: { any: 1 } }, "f#1"), {
    kind: "DevicePolicy",
    name: "x",
    nodeSelector: spec.nodeSelector,
    nicSelector: {
      vendors: ["15b3"],
      devices: ["1017"],
      pfNames: [{ pf: "eth1", numbers: [[0, 3]] }],
      rootDevices: [{ pf: "0000:86:00.0", numbers: undefined }],
      linkTypes: ["ether"],
    },
    numVfs: 8,
    mtu: 9000,
    eswitchMode: "switchdev",
    externallyManaged: true,
    priority: 0,
    vfGroups: [
      {
        range: [
          [0, 3],
          [5, 5],
        ],
        driver: "vfio-pci",
        mtu: 9000,
        resourceName: "dpdk",
        defaults: { ...written, minTxRate: 100_000_000, maxTxRate: 1_000_000_000 },
      },
      {
        range: [[7, 7]],
        defaults: {
          vlan: { id: 0, qos: 0, protocol: "802.1Q" },
          minTxRate: 2_000_000_000,
          maxTxRate: 0,
        },
      },
      { range: undefined, defaults: {} },
    ],
  });
});

const faults: [string, object, RegExp[]][] = [
  ["no PFs", {}, [/^f#1 spec\.nicSelector is missing/]],
  [
    "PFs by nothing",
    { nicSelector: {} },
    [/^f#1 spec\.nicSelector: \{\} .*at least one of vendors, devices, pfNames, rootDevices, linkTypes$/],
  ],
  ["PFs by an empty list", { nicSelector: { vendors: [] } }, [/^f#1 spec\.nicSelector\.vendors: \[\] /]],
  [
    "PFs by what only a pool can select",
    { nicSelector: { vendors: ["8086"], drivers: ["ice"] } },
    [/^f#1 spec\.nicSelector\.drivers: \["ice"\] .*one of the fields vendors/],
  ],
  ["more VFs than a PF can have", { nicSelector, numVfs: 65_536 }, [/^f#1 spec\.numVfs: 65536 /]],
  ["a priority above 99", { nicSelector, priority: 100 }, [/^f#1 spec\.priority: 100 .*from 0 to 99$/]],
  [
    "an eswitch mode in the wrong letters",
    { nicSelector, eswitchMode: "switchDev" },
    [/^f#1 spec\.eswitchMode: "switchDev" .*did you mean "switchdev"\?$/],
  ],
  [
    "a range that is none",
    { nicSelector, vfGroups: [{ range: "3-1" }] },
    [/^f#1 spec\.vfGroups\[0\]\.range: "3-1" .*such as 0,2-7,9$/],
  ],
  [
    "ranges beyond the number of VFs",
    {
      nicSelector: { pfNames: ["eth1#0-3", "eth2#4"], rootDevices: ["86:00.0#0,9"] },
      numVfs: 4,
      vfGroups: [{ range: "0-3" }, { range: "2,3-4" }],
    },
    [
      /^f#1 spec\.nicSelector\.pfNames\[1\]: "eth2#4" .*VFs from 0 to 3, as numVfs is 4$/,
      /^f#1 spec\.nicSelector\.rootDevices\[0\]: "86:00\.0#0,9" /,
      /^f#1 spec\.vfGroups\[1\]\.range: "2,3-4" .*VFs from 0 to 3, as numVfs is 4$/,
    ],
  ],
  [
    "a range where there are to be no VFs",
    { nicSelector, numVfs: 0, vfGroups: [{ range: "0" }] },
    [/^f#1 spec\.vfGroups\[0\]\.range: "0" .*no VFs, as numVfs is 0$/],
  ],
  [
    "VFs with a larger MTU than their PF",
    { nicSelector, mtu: 1500, vfGroups: [{ mtu: 1500 }, { mtu: 9000 }] },
    [/^f#1 spec\.vfGroups\[1\]\.mtu: 9000 .*an MTU not above that of the PF, 1500$/],
  ],
  [
    "a guarantee above the limit",
    { nicSelector, vfGroups: [{ minTxRate: "2G", maxTxRate: "1G" }] },
    [/^f#1 spec\.vfGroups\[0\]\.minTxRate: "2G" .*a rate not above maxTxRate, 1 Gbit\/s$/],
  ],
  [
    "a rate the kernel cannot count",
    { nicSelector, vfGroups: [{ maxTxRate: "1500k" }] },
    [/^f#1 spec\.vfGroups\[0\]\.maxTxRate: "1500k" .*whole megabits such as 500M or 1G, or 0 for none$/],
  ],
  [
    "a rate in no quantity",
    { nicSelector, vfGroups: [{ maxTxRate: "100Mbit" }] },
    [/^f#1 spec\.vfGroups\[0\]\.maxTxRate: "100Mbit" .*did you mean "100M"\?$/],
  ],
  [
    "a priority of a VLAN that is none",
    { nicSelector, vfGroups: [{ vlan: { id: 0, qos: 3 } }] },
    [/^f#1 spec\.vfGroups\[0\]\.vlan\.id: 0 .*from 1 to 4094 with qos or 802\.1ad$/],
  ],
  [
    "a pool with a prefix",
    { nicSelector, vfGroups: [{ resourceName: "a.b/c" }] },
    [/^f#1 spec\.vfGroups\[0\]\.resourceName: "a\.b\/c" .*without a prefix/],
  ],
  [
    "an attribute beside its VFs",
    { nicSelector, trust: true, vfGroups: [{ trus: true }] },
    [/^f#1 spec\.vfGroups\[0\]\.trus: true .*did you mean "trust"\?$/, /^f#1 spec\.trust: true /],
  ],
];

for (const [name, spec, expected] of faults) {
  test(`a policy with ${name} is refused`, () => {
    assert.throws(
      () => parseDevicePolicy(policy(spec), "f#1"),
      (error) => {
        assert.ok(error instanceof InvalidObjectError);
        const messages = error.mistakes.map(({ message }) => message);
        assert.equal(messages.length, expected.length, messages.join("\n"));
        for (const [index, pattern] of expected.entries()) assert.match(messages[index] ?? "", pattern);
        return true;
      },
    );
  });
}
