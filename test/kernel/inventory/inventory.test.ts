import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pino } from "pino";
import { Inventory } from "../../../src/inventory/inventory.ts";
import { NodeWatch } from "../../../src/inventory/node-watch.ts";
import { DefaultRouteMonitor } from "../../../src/linux/default-route-events.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import { LinkEvents } from "../../../src/linux/link-events.ts";
import { EventHub } from "../../../src/linux/netlink/events.ts";
import { UeventMonitor } from "../../../src/linux/uevents.ts";
import type { Device, Pool } from "../../../src/model/device.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";
import type { PoolConfig } from "../../../src/model/pool-config.ts";
import { leaveSharedNamespace, PATIENCE, World, within } from "../world.ts";

leaveSharedNamespace();

const NICS = "lanyard.dev/nics";
const common = { prefix: "lanyard.dev", allocation: "numa", health: DEFAULT_HEALTH_POLICY } as const;
const nics: PoolConfig = { ...common, kind: "hostDevice", name: "nics", links: ["nic*"] };
const shares: PoolConfig = { ...common, kind: "bandwidthShare", name: "share", uplink: "up0", share: 1e9 };

/** A folder laid out as / is, with a part of /sys, gone at the end. */
class SysfsTree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "lanyard-inventory-"));

  /** A PCI link with its facts; again for what has changed. */
  link(name: string, facts: { speed: number; numaNode: number }): void {
    const folder = join(this.root, "sys/class/net", name);
    const device = join(this.root, "sys/devices", `0000:86:00.${name.at(-1)}`);
    mkdirSync(folder, { recursive: true });
    mkdirSync(device, { recursive: true });
    rmSync(join(folder, "device"), { force: true });
    symlinkSync(device, join(folder, "device"));
    writeFileSync(join(folder, "speed"), `${facts.speed}\n`);
    writeFileSync(join(device, "numa_node"), `${facts.numaNode}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** An inventory of the node of `world`, stopped at its end. */
async function follow(
  world: World,
  options: { pools: PoolConfig[]; root?: string; held?: Set<string>; kernel?: Kernel },
): Promise<Inventory> {
  const { pools, root = "/nowhere", held = new Set(), kernel = world.kernel } = options;
  const log = pino({ level: "silent" });
  const uevents = new UeventMonitor();
  const defaultRoutes = new DefaultRouteMonitor();
  const node = new NodeWatch({ kernel, uevents, defaultRoutes, root, log });
  const inventory = new Inventory({
    node,
    pools,
    held: { heldLinks: () => held },
    uses: { uses: () => [], isComplete: true, onChange: () => () => {} },
    log,
  });
  world.defer(() => {
    inventory.stop();
    node.stop();
    uevents.close();
    defaultRoutes.close();
  });
  await node.start();
  inventory.start();
  return inventory;
}

/** Settles when a pool's devices are as they shall be: looked at now and after every change that is told. */
function devicesBecome(
  inventory: Inventory,
  what: string,
  isRight: (devices: readonly Device[]) => boolean,
): Promise<readonly Device[]> {
  return within(what, (settle) => {
    const look = () => {
      const [{ devices }] = inventory.pools() as [Pool];
      if (isRight(devices)) settle(devices);
    };
    const unsubscribe = inventory.onChange(look);
    look();
    return unsubscribe;
  });
}

/** Makes a veth pair on the node, gone at the end of the test also if it was moved. */
async function makePair(world: World, name: string, peer: string): Promise<void> {
  const { links } = world.kernel.host;
  await links.create({ name, of: { kind: "veth", peer: { name: peer } } });
  world.defer(async () => {
    const left = await links.find(peer);
    if (left !== undefined) await links.delete(left.index);
  });
}

const idsOf = (devices: readonly Device[]) => devices.map(({ id }) => id).sort();

test("a link that appears is offered, and one that vanishes no more", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  const inventory = await follow(world, { pools: [nics] });
  assert.deepEqual(inventory.pools(), [
    { resource: NICS, kind: "hostDevice", allocation: "numa", devices: [] },
  ]);
  assert.deepEqual(inventory.notes(), [`${NICS} finds no link for the pattern nic*`]);

  await makePair(world, "nic0", "far0");
  const [device] = await devicesBecome(inventory, "nic0", (devices) => devices.length === 1);
  assert.deepEqual([device?.kind, device?.id, device?.link], ["hostDevice", "nic0", "nic0"]);
  assert.deepEqual(device?.health, { isHealthy: true });
  assert.deepEqual(inventory.findDevice(NICS, "nic0"), device);
  assert.equal(inventory.findDevice(NICS, "far0"), undefined);
  assert.deepEqual(inventory.notes(), []);

  await links.set((await links.get("nic0")).index, { name: "nic1" });
  await devicesBecome(inventory, "nic1 instead", (devices) => idsOf(devices).join() === "nic1");
  await links.delete((await links.get("nic1")).index);
  await devicesBecome(inventory, "nothing", (devices) => devices.length === 0);
});

test("links that are there at the start are offered at once", PATIENCE, async () => {
  await using world = new World();
  for (const number of [0, 1, 2]) await makePair(world, `nic${number}`, `far${number}`);
  const inventory = await follow(world, { pools: [nics] });
  assert.deepEqual(idsOf(inventory.pools()[0]?.devices ?? []), ["nic0", "nic1", "nic2"]);
});

test(
  "a link that loses its carrier is unhealthy with the reason, and healthy when it is back",
  PATIENCE,
  async () => {
    await using world = new World();
    const { links } = world.kernel.host;
    await makePair(world, "nic0", "far0");
    const far = (await links.get("far0")).index;
    await links.set((await links.get("nic0")).index, { isUp: true });
    await links.set(far, { isUp: true });
    const inventory = await follow(world, { pools: [nics] });
    await devicesBecome(inventory, "healthy", ([device]) => device?.health.isHealthy === true);
    await links.set(far, { isUp: false });
    const [lost] = await devicesBecome(
      inventory,
      "unhealthy",
      ([device]) => device?.health.isHealthy === false,
    );
    assert.equal(lost?.health.reason, "nic0 is up but has no carrier");
    await links.set(far, { isUp: true });
    await devicesBecome(inventory, "healthy again", ([device]) => device?.health.isHealthy === true);
  },
);

test("a link that a pod holds stays in its pool, as it was", PATIENCE, async () => {
  await using world = new World();
  using sysfs = new SysfsTree();
  sysfs.link("nic0", { speed: 25_000, numaNode: 1 });
  const { links } = world.kernel.host;
  await makePair(world, "nic0", "far0");
  await makePair(world, "nic9", "far9");
  const held = new Set<string>();
  const inventory = await follow(world, { pools: [nics], held, root: sysfs.root });
  const before = inventory.findDevice(NICS, "nic0");
  assert.equal(before?.numaNode, 1);

  const pod = await world.makeNamespace();
  held.add("nic0");
  await links.set((await links.get("nic0")).index, { namespaceFd: pod.fd, name: "net1" });
  // What happens to another link shows that the move has been heard.
  await links.delete((await links.get("nic9")).index);
  await devicesBecome(inventory, "nic9 gone", (devices) => devices.length === 1);
  assert.deepEqual(inventory.findDevice(NICS, "nic0"), before);

  held.delete("nic0");
  await pod.links.set((await pod.links.get("net1")).index, {
    namespaceFd: world.kernel.host.fd,
    name: "nic0",
  });
  await makePair(world, "nic8", "far8");
  const after = await devicesBecome(inventory, "nic8", (devices) => devices.length === 2);
  assert.deepEqual(idsOf(after), ["nic0", "nic8"]);
});

test("a link that a pod held before the agent started is offered, too", PATIENCE, async () => {
  await using world = new World();
  const inventory = await follow(world, { pools: [nics], held: new Set(["nic7"]) });
  assert.deepEqual(idsOf(inventory.pools()[0]?.devices ?? []), ["nic7"]);
  assert.equal(inventory.findDevice(NICS, "nic7")?.health.isHealthy, true);
});

test("a bridge's port is not offered, and is again when it left", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  await makePair(world, "nic0", "far0");
  await links.create({ name: "br0", of: { kind: "bridge" } });
  world.defer(async () => links.delete((await links.get("br0")).index));
  const nic = (await links.get("nic0")).index;
  const inventory = await follow(world, { pools: [nics] });
  await links.set(nic, { master: (await links.get("br0")).index });
  await devicesBecome(inventory, "nothing", (devices) => devices.length === 0);
  assert.match(inventory.notes()[0] ?? "", /^nic0 is not offered as lanyard\.dev\/nics: it is a port/);
  await links.set(nic, { master: 0 });
  await devicesBecome(inventory, "nic0 again", (devices) => idsOf(devices).join() === "nic0");
});

test(
  "a link with the node's default route is not offered, also when it shares it with another",
  PATIENCE,
  async () => {
    await using world = new World();
    const { host } = world.kernel;
    for (const number of [0, 1, 2]) {
      await makePair(world, `nic${number}`, `far${number}`);
      const { index } = await host.links.get(`nic${number}`);
      await host.links.set(index, { isUp: true });
      await host.links.set((await host.links.get(`far${number}`)).index, { isUp: true });
      await host.addresses.add(index, `10.${number}.0.2/24`);
    }
    execFileSync("ip", "route add default nexthop via 10.0.0.1 nexthop via 10.1.0.1".split(" "));
    const inventory = await follow(world, { pools: [nics] });
    assert.deepEqual(idsOf(inventory.pools()[0]?.devices ?? []), ["nic2"]);
    assert.match(
      inventory.notes().join(),
      /nic0 .*the node's default route.*nic1 .*the node's default route/,
    );
    // The announcement of the route's end is enough, and so is that of the new one.
    execFileSync("ip", "route del default".split(" "));
    await devicesBecome(inventory, "all of them", (devices) => devices.length === 3);
    execFileSync("ip", "route add default via 10.2.0.1".split(" "));
    await devicesBecome(inventory, "without nic2", (devices) => idsOf(devices).join() === "nic0,nic1");
  },
);

test("facts of sysfs are told, and speed is read again when the carrier is back", PATIENCE, async () => {
  await using world = new World();
  using sysfs = new SysfsTree();
  sysfs.link("up0", { speed: 2000, numaNode: 1 });
  const { links } = world.kernel.host;
  await makePair(world, "up0", "far0");
  const far = (await links.get("far0")).index;
  await links.set((await links.get("up0")).index, { isUp: true });
  await links.set(far, { isUp: true });
  const inventory = await follow(world, { pools: [shares], root: sysfs.root });
  const devices = await devicesBecome(
    inventory,
    "two shares",
    ([device]) => device?.health.isHealthy === true,
  );
  assert.deepEqual(
    devices.map(({ id, numaNode }) => [id, numaNode]),
    [
      ["up0-1", 1],
      ["up0-2", 1],
    ],
  );
  await links.set(far, { isUp: false });
  await devicesBecome(inventory, "unhealthy shares", ([device]) => device?.health.isHealthy === false);
  // It came back faster.
  sysfs.link("up0", { speed: 4000, numaNode: 1 });
  await links.set(far, { isUp: true });
  await devicesBecome(
    inventory,
    "four shares",
    (all) => all.length === 4 && all[0]?.health.isHealthy === true,
  );
});

test("when announcements are lost, everything is read again", PATIENCE, async () => {
  await using world = new World();
  // The smallest buffer the kernel gives holds one announcement.
  const hub = new EventHub(1);
  world.defer(() => hub.close());
  const kernel = { host: world.kernel.host, linkEvents: new LinkEvents(hub) } as Kernel;
  const inventory = await follow(world, { pools: [nics], kernel });
  const names = Array.from({ length: 30 }, (_, number) => `nic${number}`);
  // This thread, which would hear, stands still meanwhile.
  execFileSync("ip", ["-batch", "-"], {
    input: names.map((name) => `link add ${name} type veth peer name p${name}`).join("\n"),
  });
  world.defer(() => {
    execFileSync("ip", ["-batch", "-"], { input: names.map((name) => `link del ${name}`).join("\n") });
  });
  await devicesBecome(inventory, "all thirty", (devices) => devices.length === names.length);
  assert.ok(hub.overruns > 0);
});
