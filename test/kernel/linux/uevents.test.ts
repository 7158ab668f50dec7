import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import * as ffi from "../../../src/linux/ffi.ts";
import { UeventMonitor } from "../../../src/linux/uevents.ts";
import { nextUevent } from "../uevents.ts";
import { leaveSharedNamespace, PATIENCE, World, within } from "../world.ts";

leaveSharedNamespace();

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_KOBJECT_UEVENT = 15;

/** A monitor that ends with the world. */
function makeMonitor(world: World, receiveBuffer?: number): UeventMonitor {
  const monitor = new UeventMonitor(receiveBuffer);
  world.defer(() => monitor.close());
  return monitor;
}

test("a network device is told of when it comes, is renamed and goes", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  const monitor = makeMonitor(world);
  const next = (action: string, name: string) =>
    nextUevent(monitor, `${action} ${name}`, (event) => event.action === action && event.linkName === name);
  const added = next("add", "ue0");
  await links.create({ name: "ue0", of: { kind: "veth", peer: { name: "ue1" } } });
  const { index } = await links.get("ue0");
  const { properties, sequence, ...event } = await added;
  assert.deepEqual(event, {
    action: "add",
    devicePath: "/devices/virtual/net/ue0",
    oldDevicePath: undefined,
    subsystem: "net",
    driver: undefined,
    pciAddress: undefined,
    linkName: "ue0",
    link: index,
  });
  assert.ok(sequence !== undefined && sequence > 0);
  assert.equal(properties.DEVPATH, "/devices/virtual/net/ue0");

  const moved = next("move", "ue9");
  await links.set(index, { name: "ue9" });
  assert.equal((await moved).oldDevicePath, "/devices/virtual/net/ue0");

  const removed = next("remove", "ue9");
  await links.delete(index);
  assert.equal((await removed).link, index);
  assert.equal(monitor.overruns, 0);
});

test("network devices of other namespaces are not told of", PATIENCE, async () => {
  await using world = new World();
  const monitor = makeMonitor(world);
  const pod = await world.makeNamespace();
  const names: (string | undefined)[] = [];
  world.defer(
    monitor.listen({
      onUevent: ({ linkName }) => {
        names.push(linkName);
      },
      onOverrun: () => {},
    }),
  );
  const here = nextUevent(monitor, "ue2", ({ linkName }) => linkName === "ue2");
  await pod.links.create({ name: "elsewhere", of: { kind: "ifb" } });
  const { links } = world.kernel.host;
  await links.create({ name: "ue2", of: { kind: "ifb" } });
  await here;
  await links.delete((await links.get("ue2")).index);
  assert.ok(!names.includes("elsewhere"));
});

test("what another process sends is not taken for the kernel's", PATIENCE, async () => {
  await using world = new World();
  const monitor = makeMonitor(world);
  const heard: string[] = [];
  world.defer(
    monitor.listen({
      onUevent: ({ devicePath }) => {
        heard.push(devicePath);
      },
      onOverrun: () => {},
    }),
  );
  const last = nextUevent(monitor, "ue3", ({ linkName }) => linkName === "ue3");
  const forged = Buffer.from("remove@/devices/forged\0ACTION=remove\0");
  const fd = ffi.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  // struct sockaddr_nl: family, padding, port id 0, the kernel's group.
  const address = new Uint8Array([AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  const sent = ffi.sendto(fd, forged, forged.length, 0, address, address.length);
  ffi.close(fd);
  assert.equal(sent, forged.length);
  const { links } = world.kernel.host;
  await links.create({ name: "ue3", of: { kind: "ifb" } });
  await last;
  await links.delete((await links.get("ue3")).index);
  assert.ok(heard.length > 0 && !heard.includes("/devices/forged"));
});

test("events that were lost are counted and told, and later ones are heard", PATIENCE, async () => {
  await using world = new World();
  const monitor = makeMonitor(world, 1);
  const overrun = within<number>("the overrun", (settle) =>
    monitor.listen({ onUevent: () => {}, onOverrun: () => settle(monitor.overruns) }),
  );
  // This thread does nothing meanwhile.
  const names = Array.from({ length: 20 }, (_, number) => `many${number}`);
  const lines = names.map((name) => `link add ${name} type ifb`);
  execFileSync("ip", ["-batch", "-"], { input: lines.join("\n") });
  assert.ok((await overrun) > 0);
  const later = nextUevent(
    monitor,
    "a renaming",
    ({ action, linkName }) => action === "move" && linkName === "last",
  );
  const { links } = world.kernel.host;
  await links.set((await links.get("many0")).index, { name: "last" });
  await later;
  for (const { index, kind } of (await links.list()).links) if (kind === "ifb") await links.delete(index);
});
