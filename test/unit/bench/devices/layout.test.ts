import assert from "node:assert/strict";
import test from "node:test";
import { laidOutDevices, layOutPools, withHealth } from "../../../bench/devices/layout.ts";

const devices = layOutPools().flatMap((pool) => pool.devices);

test("a thousand VFs lie in four pools of different policies, half of them on each NUMA node", () => {
  const pools = layOutPools();
  assert.deepEqual(
    pools.map((pool) => pool.devices.length),
    [250, 250, 250, 250],
  );
  assert.equal(new Set(pools.map(({ allocation }) => allocation)).size, 4);
  for (const pool of pools) {
    assert.equal(pool.devices.filter(({ numaNode }) => numaNode === 1).length, 125);
  }
});

test("every VF has a PCI address of its own, on the bus of its PF and not the PF's", () => {
  const addresses = devices.map(({ id }) => id);
  assert.equal(new Set(addresses).size, 1000);
  for (const device of devices) {
    assert.ok(device.kind === "netDevice");
    assert.match(device.id, /^0000:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/);
    assert.equal(device.id.slice(0, 7), device.pfAddress.slice(0, 7));
    assert.notEqual(device.id, device.pfAddress);
  }
});

test("every VF has an IOMMU group of its own", () => {
  const files = devices.map(({ access }) => access.nodes.at(-1)?.hostPath);
  assert.equal(new Set(files).size, 1000);
});

test("a change of health is one device's of one pool, and can be taken back", () => {
  const pools = layOutPools();
  const [first, second] = pools as [(typeof pools)[number], (typeof pools)[number]];
  const id = second.devices[7]?.id as string;
  const changed = withHealth(pools, second.resource, id, false);
  const ill = changed.flatMap((pool) => pool.devices.filter(({ health }) => !health.isHealthy));
  assert.deepEqual(
    ill.map((device) => device.id),
    [id],
  );
  assert.equal(changed[0], first);
  assert.deepEqual(withHealth(changed, second.resource, id, true), pools);
});

test("devices are taken from the pools in turn, each once", () => {
  const taken = laidOutDevices(layOutPools());
  assert.equal(new Set(taken.map(({ id }) => id)).size, 1000);
  const [first, , , , fifth] = taken.map(({ resource }) => resource);
  assert.equal(first, fifth);
  assert.equal(new Set(taken.slice(0, 4).map(({ resource }) => resource)).size, 4);
});
