import assert from "node:assert/strict";
import test from "node:test";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { UeventMonitor } from "../../src/linux/uevents.ts";
import { nextUevent } from "../kernel/uevents.ts";
import { World } from "../kernel/world.ts";
import { Netdevsim } from "./guest.ts";

const PATIENCE = { timeout: 120_000 };

/** A monitor that ends with the world. */
function makeMonitor(world: World): UeventMonitor {
  const monitor = new UeventMonitor();
  world.defer(() => monitor.close());
  return monitor;
}

test("a VF is told of when it comes, gets a driver, loses it, and goes", PATIENCE, async () => {
  await using world = new World();
  const { pci } = world.kernel;
  const monitor = makeMonitor(world);
  const { pciAddress: pf } = await readNetDevice("/sys", "eth0");
  assert.ok(pf);
  world.defer(() => pci.setVfCount(pf, 0));
  const next = (action: string, subsystem: string) =>
    nextUevent(monitor, `${action} of ${subsystem}`, (event) => {
      return event.action === action && event.subsystem === subsystem;
    });

  const added = next("add", "pci");
  await pci.setVfCount(pf, 1, false);
  const [vf] = (await pci.get(pf)).sriov?.vfs ?? [];
  assert.ok(vf);
  const { pciAddress, devicePath, driver } = await added;
  assert.deepEqual([pciAddress, driver], [vf, undefined]);
  assert.ok(devicePath.startsWith("/devices/") && devicePath.endsWith(`/${vf}`));

  const [bound, link] = [next("bind", "pci"), next("add", "net")];
  await pci.bind(vf, "igbvf");
  assert.deepEqual([(await bound).pciAddress, (await bound).driver], [vf, "igbvf"]);
  const { linkName, link: index, devicePath: place } = await link;
  assert.ok(place.startsWith(`${devicePath}/net/`));
  assert.equal((await world.kernel.host.links.get(index as number)).name, linkName);

  const [unbound, gone] = [next("unbind", "pci"), next("remove", "net")];
  await pci.release(vf);
  assert.deepEqual([(await unbound).pciAddress, (await unbound).driver], [vf, undefined]);
  assert.equal((await gone).link, index);

  const removed = next("remove", "pci");
  await pci.setVfCount(pf, 0);
  assert.equal((await removed).pciAddress, vf);
  assert.equal(monitor.overruns, 0);
});

test("a device of another bus is told of with its links", PATIENCE, async () => {
  await using world = new World();
  const monitor = makeMonitor(world);
  const bound = nextUevent(monitor, "the binding", ({ action, subsystem }) => {
    return action === "bind" && subsystem === "netdevsim";
  });
  const link = nextUevent(
    monitor,
    "the link",
    ({ action, subsystem }) => action === "add" && subsystem === "net",
  );
  const removed = nextUevent(monitor, "the end", ({ action, subsystem }) => {
    return action === "remove" && subsystem === "netdevsim";
  });
  {
    using device = new Netdevsim(31);
    assert.deepEqual([(await bound).devicePath, (await bound).driver], ["/devices/netdevsim31", "netdevsim"]);
    assert.ok((await link).devicePath.startsWith("/devices/netdevsim31/net/"));
    assert.ok(device.linkNames.includes((await link).linkName as string));
  }
  assert.equal((await removed).devicePath, "/devices/netdevsim31");
});
