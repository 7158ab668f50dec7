import assert from "node:assert/strict";
import test from "node:test";
import { NOTHING_REMEMBERED, type Remembered } from "../../../src/inventory/forming.ts";
import type { NodeReading } from "../../../src/inventory/node.ts";
import { formPools } from "../../../src/inventory/pools.ts";
import type { FunctionDevice } from "../../../src/model/device.ts";
import type { PoolConfig } from "../../../src/model/pool-config.ts";
import type { DeviceUse } from "../../../src/model/ports.ts";
import {
  bandwidthPool,
  functionPool,
  link,
  linkPool,
  node,
  PF0,
  pci,
  selector,
  vf,
  vfAddress,
} from "./samples.ts";

const VF0 = vfAddress(PF0, 0);
const VF1 = vfAddress(PF0, 1);
const USER = "pod default/alpha, container main";
const use = (resource: string, id: string): DeviceUse => ({ resource, id, user: USER });
const iavf = functionPool("nics", { selectors: [selector({ drivers: ["iavf"] })] });
const NICS = "intel.com/nics";

/** Forms pools twice: from what was, and then from what is, with what is in use by then. */
function after(
  [configs, reading]: [readonly PoolConfig[], NodeReading],
  uses: readonly DeviceUse[],
  [nextConfigs, nextReading]: [readonly PoolConfig[], NodeReading],
  more: Partial<Remembered> = {},
) {
  const { pools: previous } = formPools(configs, reading);
  const { pools, notes } = formPools(nextConfigs, nextReading, {
    ...NOTHING_REMEMBERED,
    retired: configs,
    ...more,
    uses,
    previous,
  });
  const ids = pools.map(({ resource, devices }) => [resource, ...devices.map(({ id }) => id)]);
  return { ids, notes, pools, previous };
}

const two = node({ functions: [vf(PF0, 0, { numaNode: 1 }), vf(PF0, 1)] });
const one = node({ functions: [vf(PF0, 1)] });

test("a function in use that is gone from its bus stays as it was, and is unhealthy", () => {
  const { ids, pools, previous } = after([[iavf], two], [use(NICS, VF0)], [[iavf], one]);
  assert.deepEqual(ids, [[NICS, VF0, VF1]]);
  const [gone] = pools[0]?.devices ?? [];
  const reason = `${VF0} is gone from its bus`;
  assert.deepEqual(gone, {
    ...previous[0]?.devices[0],
    health: { isHealthy: false, reason, findings: [{ condition: "present", effect: "unhealthy", reason }] },
  });
});

test("a function that is gone and not in use is gone from its pool", () => {
  assert.deepEqual(after([[iavf], two], [], [[iavf], one]).ids, [[NICS, VF1]]);
  assert.deepEqual(after([[iavf], two], [use("intel.com/other", VF0)], [[iavf], one]).ids, [[NICS, VF1]]);
});

test("a pool whose last device is in use and gone is a resource still", () => {
  assert.deepEqual(after([[iavf], two], [use(NICS, VF0)], [[iavf], node()]).ids, [[NICS, VF0]]);
});

test("a function in use that was gone before the agent started is known by its id alone", () => {
  const { pools } = formPools([iavf], one, { ...NOTHING_REMEMBERED, uses: [use(NICS, VF0)] });
  const device = pools[0]?.devices[0] as FunctionDevice;
  assert.equal(device.id, VF0);
  assert.equal(device.health.isHealthy, false);
  assert.deepEqual(device.access, { nodes: [], mounts: [], info: { generic: { deviceID: VF0 } } });
});

test("a function in use that was bound to another driver stays, and is unhealthy", () => {
  const rebound = node({ functions: [vf(PF0, 0, { driver: "vfio-pci", iommuGroup: 5 }), vf(PF0, 1)] });
  const { ids, pools } = after([[iavf], two], [use(NICS, VF0)], [[iavf], rebound]);
  assert.deepEqual(ids, [[NICS, VF0, VF1]]);
  const device = pools[0]?.devices[0] as FunctionDevice;
  assert.equal(device.driver, "vfio-pci");
  assert.equal(device.health.isHealthy, false);
  assert.match(
    device.health.reason ?? "",
    /is in use, but no selector of intel\.com\/nics matches it any more/,
  );
  assert.deepEqual(
    device.health.findings?.map(({ condition }) => condition),
    ["driver"],
  );
});

test("a function in use that no selector matches any more stays in its pool, another does not", () => {
  const narrow = functionPool("nics", { selectors: [selector({ pciAddresses: [vfAddress(PF0, 2)] })] });
  const reading = node({ functions: [vf(PF0, 0), vf(PF0, 1), vf(PF0, 2)] });
  const { ids } = after([[iavf], reading], [use(NICS, VF0)], [[narrow], reading]);
  assert.deepEqual(ids, [[NICS, VF0, vfAddress(PF0, 2)]]);
});

test("a function in use stays as it is, without a word, though it would not be offered now", () => {
  const carries = node({
    functions: [vf(PF0, 0, { links: ["v0"] }), vf(PF0, 1)],
    links: [link("v0", { hasDefaultRoute: true })],
  });
  const { ids, notes, pools } = after([[iavf], two], [use(NICS, VF0)], [[iavf], carries]);
  assert.deepEqual(ids, [[NICS, VF0, VF1]]);
  assert.deepEqual(pools[0]?.devices[0]?.health, { isHealthy: true });
  assert.deepEqual(notes, []);
});

test("what is in use of a pool that is configured no more stays until it is given back", () => {
  const other = functionPool("other", { selectors: [selector({ pciAddresses: [VF1] })] });
  const removed = after([[iavf], two], [use(NICS, VF0)], [[other], two]);
  assert.deepEqual(removed.ids, [
    ["intel.com/other", VF1],
    [NICS, VF0],
  ]);
  assert.deepEqual(removed.notes, [
    `${NICS} is configured no more, and goes when pods have given back its devices`,
  ]);
  assert.deepEqual(after([[iavf], two], [], [[other], two]).ids, [["intel.com/other", VF1]]);
});

test("a function in use moves into no other pool, and does when it is given back", () => {
  const first = functionPool("first");
  const stays = after([[iavf], two], [use(NICS, VF0)], [[first, iavf], two]);
  assert.deepEqual(stays.ids, [
    ["intel.com/first", VF1],
    [NICS, VF0],
  ]);
  assert.deepEqual(stays.notes, [
    `${VF0} is not offered as intel.com/first: a pod has it as ${NICS}`,
    `${VF1} is not offered as ${NICS}: it is offered as intel.com/first already`,
  ]);
  const moves = after([[iavf], two], [], [[first, iavf], two]);
  assert.deepEqual(moves.ids, [["intel.com/first", VF0, VF1]]);
});

test("a function without a driver stays offered while its last one is remembered", () => {
  const { driver: _, ...unbound } = vf(PF0, 0);
  const reading = node({ functions: [unbound, vf(PF0, 1)] });
  const lastDrivers = new Map([[VF0, "iavf"]]);
  const { pools } = after([[iavf], two], [], [[iavf], reading], { lastDrivers });
  const device = pools[0]?.devices[0] as FunctionDevice;
  assert.equal(device.driver, "iavf");
  assert.equal(device.health.reason, `no driver is bound to ${VF0}`);
  assert.deepEqual(after([[iavf], two], [], [[iavf], reading]).ids, [[NICS, VF1]]);
});

test("the driver that is bound counts before the one that is remembered", () => {
  const lastDrivers = new Map([[VF0, "vfio-pci"]]);
  const vfio = functionPool("vfio", { selectors: [selector({ drivers: ["vfio-pci"] })] });
  const { pools } = formPools([vfio, iavf], two, { ...NOTHING_REMEMBERED, lastDrivers });
  assert.deepEqual(
    pools.map(({ resource }) => resource),
    [NICS],
  );
});

const LINKS = "lanyard.dev/nics";
const nic0 = link("nic0", { pciAddress: VF0 });
const nic1 = link("nic1", { pciAddress: VF1 });

test("a link in use that no pattern matches any more stays in its pool", () => {
  const narrow = linkPool({ links: ["nic1"] });
  const held = new Map([["nic0", nic0]]);
  const before = node({ links: [nic0, nic1] });
  const { ids } = after([[linkPool()], before], [use(LINKS, "nic0")], [[narrow], node({ links: [nic1] })], {
    held,
  });
  assert.deepEqual(ids, [[LINKS, "nic0", "nic1"]]);
  assert.deepEqual(after([[linkPool()], before], [], [[narrow], before]).ids, [[LINKS, "nic1"]]);
});

test("a link in use that may not be offered now stays in its pool", () => {
  const port = node({ links: [{ ...nic0, master: 900 }, nic1] });
  const before = node({ links: [nic0, nic1] });
  assert.deepEqual(after([[linkPool()], before], [use(LINKS, "nic0")], [[linkPool()], port]).ids, [
    [LINKS, "nic0", "nic1"],
  ]);
});

test("the function of a link that is in use is offered by no other pool, whatever order pools have", () => {
  const functions = [vf(PF0, 0), vf(PF0, 1, { links: ["nic1"] })];
  const reading = node({ functions, links: [nic1] });
  const held = new Map([["nic0", nic0]]);
  const all = functionPool("all");
  const { ids } = after(
    [[linkPool()], node({ functions, links: [nic0, nic1] })],
    [use(LINKS, "nic0")],
    [[all, linkPool()], reading],
    { held },
  );
  assert.deepEqual(ids, [
    ["intel.com/all", VF1],
    [LINKS, "nic0"],
  ]);
});

test("the link of a function that is in use is offered by no other pool, whatever order pools have", () => {
  const functions = [vf(PF0, 0, { links: ["nic0"] }), vf(PF0, 1, { links: ["nic1"] })];
  const reading = node({ functions, links: [nic0, nic1] });
  const { ids } = after([[iavf], reading], [use(NICS, VF0)], [[linkPool(), iavf], reading]);
  assert.deepEqual(ids, [
    [LINKS, "nic1"],
    [NICS, VF0],
  ]);
});

test("two links of one function may belong to two pools, also while one is in use", () => {
  const port0 = link("nic0", { pciAddress: PF0 });
  const port1 = link("nic1", { pciAddress: PF0 });
  const reading = node({ functions: [pci(PF0, { links: ["nic0", "nic1"] })], links: [port0, port1] });
  const configs = [linkPool({ links: ["nic0"] }), linkPool({ name: "others" })];
  const expected = [
    [LINKS, "nic0"],
    ["lanyard.dev/others", "nic1"],
  ];
  for (const uses of [[], [use(LINKS, "nic0")], [use("lanyard.dev/others", "nic1")]]) {
    assert.deepEqual(after([configs, reading], uses, [configs, reading]).ids, expected);
  }
});

test("shares in use stay when the configured total shrinks below them", () => {
  const reading = node({ links: [link("up0")] });
  const before = bandwidthPool({ total: 200_000_000 });
  const now = bandwidthPool({ total: 100_000_000 });
  const resource = "lanyard.dev/bw";
  const { ids } = after([[before], reading], [use(resource, "up0-4")], [[now], reading]);
  assert.deepEqual(ids, [[resource, "up0-1", "up0-2", "up0-4"]]);
  assert.deepEqual(after([[before], reading], [], [[now], reading]).ids, [[resource, "up0-1", "up0-2"]]);
});

test("shares in use of another uplink, which the pool was for, stay as they were", () => {
  const reading = node({ links: [link("up0"), link("up1")] });
  const before = bandwidthPool({ total: 100_000_000 });
  const now = bandwidthPool({ uplink: "up1", share: 100_000_000, total: 100_000_000 });
  const { ids, pools } = after([[before], reading], [use("lanyard.dev/bw", "up0-2")], [[now], reading]);
  assert.deepEqual(ids, [["lanyard.dev/bw", "up1-1", "up0-2"]]);
  assert.deepEqual(
    pools[0]?.devices.map((device) => device.kind === "bandwidthShare" && [device.link, device.rate]),
    [
      ["up1", 100_000_000],
      ["up0", 50_000_000],
    ],
  );
});

test("an uplink whose speed is not known while it has no carrier keeps its shares, and they are unhealthy", () => {
  const up = node({ links: [link("up0", { speed: 100_000_000 })] });
  const down = node({ links: [link("up0", { hasCarrier: false })] });
  const { ids, pools, notes } = after([[bandwidthPool()], up], [], [[bandwidthPool()], down]);
  assert.deepEqual(ids, [["lanyard.dev/bw", "up0-1", "up0-2"]]);
  assert.equal(pools[0]?.devices[0]?.health.reason, "up0 has no carrier");
  assert.deepEqual(notes, []);
});
