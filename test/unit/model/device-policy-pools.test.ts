import assert from "node:assert/strict";
import { test } from "node:test";
import type { DevicePolicy, VfGroup } from "../../../src/model/device-policy.ts";
import { type PoolPf, poolsOfPolicies } from "../../../src/model/device-policy-pools.ts";

const pf = (number: number): PoolPf => ({
  address: `0000:0${number}:00.0`,
  vendor: "8086",
  device: "10c9",
  names: [`eth${number}`],
  linkType: "ether",
  mostVfs: 8,
});

function policy(
  name: string,
  pfName: string,
  vfGroups: readonly VfGroup[],
  more: Partial<DevicePolicy> = {},
) {
  return {
    kind: "DevicePolicy",
    name,
    nodeSelector: {},
    nicSelector: { pfNames: [{ pf: pfName, numbers: undefined }] },
    externallyManaged: false,
    priority: 99,
    vfGroups,
    ...more,
  } satisfies DevicePolicy;
}

/** The pools with what their selectors ask for. */
function pools(policies: readonly DevicePolicy[], ...pfs: readonly PoolPf[]) {
  return poolsOfPolicies(policies, pfs, {}, "lanyard.dev").map(({ prefix, name, selectors }) => [
    `${prefix}/${name}`,
    selectors.map(({ rootDevices, drivers }) => ({ rootDevices, drivers })),
  ]);
}

test("groups of one name make one pool, with the numbers that each group is the first to name", () => {
  const groups: VfGroup[] = [
    { range: [[2, 3]], driver: "vfio-pci", resourceName: "dpdk", defaults: {} },
    { range: [[0, 4]], resourceName: "vfs", defaults: {} },
    { range: undefined, defaults: {} },
  ];
  const found = pools([policy("a", "eth1", groups), policy("b", "eth2", groups)], pf(1), pf(2));
  assert.deepEqual(found, [
    [
      "lanyard.dev/dpdk",
      [
        { rootDevices: [{ pf: "0000:01:00.0", numbers: [[2, 3]] }], drivers: ["vfio-pci"] },
        { rootDevices: [{ pf: "0000:02:00.0", numbers: [[2, 3]] }], drivers: ["vfio-pci"] },
      ],
    ],
    [
      "lanyard.dev/vfs",
      ["0000:01:00.0", "0000:02:00.0"].map((address) => ({
        rootDevices: [
          {
            pf: address,
            numbers: [
              [0, 1],
              [4, 4],
            ],
          },
        ],
        drivers: undefined,
      })),
    ],
  ]);
});

test("a PF's VFs are offered as the policy says that the PF follows, and no further than it makes VFs", () => {
  const all: VfGroup[] = [{ range: undefined, resourceName: "all", defaults: {} }];
  const other: VfGroup[] = [{ range: undefined, resourceName: "other", defaults: {} }];
  const policies = [policy("a", "eth1", all), policy("b", "eth1", other, { priority: 1, numVfs: 3 })];
  assert.deepEqual(pools(policies, pf(1)), [
    ["lanyard.dev/other", [{ rootDevices: [{ pf: "0000:01:00.0", numbers: [[0, 2]] }], drivers: undefined }]],
  ]);
});

test("a range in the policy's selector limits its groups", () => {
  const all: VfGroup[] = [{ range: undefined, resourceName: "all", defaults: {} }];
  const nicSelector = { pfNames: [{ pf: "eth1", numbers: [[5, 6]] as const }] };
  const [pool] = pools([policy("a", "", all, { nicSelector })], pf(1));
  assert.deepEqual(pool, [
    "lanyard.dev/all",
    [{ rootDevices: [{ pf: "0000:01:00.0", numbers: [[5, 6]] }], drivers: undefined }],
  ]);
});
