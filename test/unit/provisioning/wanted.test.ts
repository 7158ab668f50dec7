import assert from "node:assert/strict";
import { test } from "node:test";
import type { DevicePolicy } from "../../../src/model/device-policy.ts";
import type { SelectablePf } from "../../../src/model/device-policy-choice.ts";
import { wantedOf } from "../../../src/provisioning/wanted.ts";
import { policy } from "./policy.ts";

const pf: SelectablePf = {
  address: "0000:01:00.0",
  vendor: "8086",
  device: "10c9",
  names: ["eth1", "lan"],
  linkType: "ether",
};

/** The driver wanted of each VF. */
function drivers(wanted: DevicePolicy, count = 0) {
  return wantedOf(wanted, pf, count).vfs.map(({ index, driver }) => [
    index,
    typeof driver === "string" ? driver : driver.name,
  ]);
}

test("of two groups that name one VF the first counts, and VFs without a group get their own driver", () => {
  const vfGroups = [
    { range: [[1, 1]] as const, driver: "vfio-pci", defaults: {} },
    { range: [[0, 2]] as const, driver: "uio_pci_generic", defaults: {} },
  ];
  assert.deepEqual(drivers(policy({ numVfs: 4, vfGroups })), [
    [0, "uio_pci_generic"],
    [1, "vfio-pci"],
    [2, "uio_pci_generic"],
    [3, "kernelChoice"],
  ]);
});

test("a range behind a PF's name restricts the groups to its VFs, that of another PF does not", () => {
  const nicSelector = {
    pfNames: [
      { pf: "LAN", numbers: [[0, 0]] as const },
      { pf: "eth2", numbers: [[3, 3]] as const },
      { pf: "0000:01:00.0", numbers: [[2, 2]] as const },
    ],
  };
  const vfGroups = [{ range: undefined, driver: "vfio-pci", defaults: {} }];
  assert.deepEqual(drivers(policy({ nicSelector, vfGroups }), 4), [
    [0, "vfio-pci"],
    [2, "vfio-pci"],
  ]);
});

test("of an externally managed PF nothing is wanted but what the groups say of the VFs there are", () => {
  const vfGroups = [{ range: [[0, 7]] as const, mtu: 9000, defaults: { trust: true } }];
  const wanted = wantedOf(
    policy({ externallyManaged: true, numVfs: 8, mtu: 9000, eswitchMode: "switchdev", vfGroups }),
    pf,
    1,
  );
  assert.deepEqual(wanted, {
    vfs: [{ index: 0, driver: "kernelChoice", mtu: 9000, defaults: { trust: true } }],
  });
});

test("where a policy names no number of VFs, those without a group are left alone", () => {
  assert.deepEqual(wantedOf(policy({ mtu: 9000 }), pf, 3), { mtu: 9000, vfs: [] });
});
