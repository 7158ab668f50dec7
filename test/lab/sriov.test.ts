import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import type { Namespace } from "../../src/linux/namespace.ts";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { nextEvent, runIn, World } from "../kernel/world.ts";
import { loadModule } from "./guest.ts";
import { MachineMonitor } from "./qmp.ts";

/**
 * SR-IOV on the guest's emulated igb cards: `eth0` and `eth1`, joined by one wire. Making VFs takes the driver more
 * than a second, so what belongs together is one test.
 */

const PATIENCE = { timeout: 120_000 };
const FIRST_MAC = "02:00:00:00:aa:01";
const SECOND_MAC = "02:00:00:00:aa:02";

test(
  "VFs are made, move into namespaces with another name, pass traffic, and come home",
  PATIENCE,
  async () => {
    await using world = new World();
    const { kernel } = world;
    const { host } = kernel;
    const pf = await host.links.get("eth0");
    await host.links.set(pf.index, { isUp: true });
    const address = await pciAddressOf(world, "eth0");
    world.defer(() => kernel.pci.setVfCount(address, 0));
    await kernel.pci.setVfCount(address, 2, false);
    const { sriov } = await kernel.pci.get(address);
    assert.equal(sriov?.vfs.length, 2);
    await assert.rejects(kernel.pci.setVfCount(address, 9), /expected a whole number from 0 to 7/);

    // The VFs take their addresses from the PF when their driver comes: VF 0 without a VLAN, VF 1 too.
    const vfs = sriov.vfs as readonly [string, string];
    await runIn(host, "ip", "link", "set", "eth0", "vf", "0", "mac", FIRST_MAC);
    await runIn(host, "ip", "link", "set", "eth0", "vf", "1", "mac", SECOND_MAC);
    const names = [];
    for (const vf of vfs) {
      await kernel.pci.bind(vf, "igbvf");
      const bound = await kernel.pci.get(vf);
      assert.deepEqual([bound.driver, bound.pf], ["igbvf", address]);
      names.push(bound.links[0] as string);
    }

    const [one, other] = [await world.startPod(), await world.startPod()];
    const addresses = ["10.8.0.1/24", "10.8.0.2/24"];
    for (const [at, pod] of [one, other].entries()) {
      await using namespace = await kernel.namespace(pod.namespacePath);
      const { index } = await host.links.get(names[at] as string);
      await host.links.set(index, { namespaceFd: namespace.fd, name: "net1" });
      const moved = await namespace.links.get("net1");
      assert.equal(moved.mac, [FIRST_MAC, SECOND_MAC][at]);
      await namespace.links.set(moved.index, { isUp: true });
      await namespace.addresses.add(moved.index, addresses[at] as string);
    }
    await using first = await kernel.namespace(one.namespacePath);
    await ping(first, "10.8.0.2");
    await first[Symbol.asyncDispose]();

    // A namespace that dies sends its VF home, and the kernel announces it.
    const home = nextEvent(kernel.linkEvents, "the VF at home", ({ change, link, namespaceId }) => {
      return change === "present" && namespaceId === undefined && link.mac === SECOND_MAC;
    });
    await other.end();
    const { link } = await home;
    assert.equal((await kernel.pci.get(vfs[1])).links[0], link.name);

    // At home it works as before.
    await host.links.set(link.index, { isUp: true });
    await host.addresses.add(link.index, "10.8.0.2/24");
    await using again = await kernel.namespace(one.namespacePath);
    await ping(again, "10.8.0.2");
  },
);

test("a VF in a VLAN talks to that VLAN alone", PATIENCE, async () => {
  await using world = new World();
  const { kernel } = world;
  const { host } = kernel;
  for (const name of ["eth0", "eth1"])
    await host.links.set((await host.links.get(name)).index, { isUp: true });
  const address = await pciAddressOf(world, "eth0");
  world.defer(() => kernel.pci.setVfCount(address, 0));
  await kernel.pci.setVfCount(address, 1, false);
  await host.vfs.set((await host.links.get("eth0")).index, 0, { mac: FIRST_MAC, vlan: { id: 100 } });
  const vf = await onlyVfOf(world, address);
  await kernel.pci.bind(vf, "igbvf");
  const [name] = (await kernel.pci.get(vf)).links as [string];

  const pod = await world.makeNamespace();
  await host.links.set((await host.links.get(name)).index, { namespaceFd: pod.fd, name: "net1" });
  const { index } = await pod.links.get("net1");
  await pod.links.set(index, { isUp: true });
  await pod.addresses.add(index, "10.9.0.1/24");
  // The other card, at the far end of the wire, sees the tag.
  const parent = (await host.links.get("eth1")).index;
  await host.links.create({ name: "eth1.100", parent, of: { kind: "vlan", id: 100 }, isUp: true });
  const tagged = (await host.links.get("eth1.100")).index;
  world.defer(() => host.links.delete(tagged));
  await host.addresses.add(tagged, "10.9.0.2/24");
  await ping(pod, "10.9.0.2");
  // Home again, before its namespace ends with it inside.
  await pod.links.set(index, { namespaceFd: host.fd, name });
});

test("a VF is given to vfio-pci with its IOMMU group, and back to its own driver", PATIENCE, async () => {
  await using world = new World();
  const { kernel } = world;
  for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
  const address = await pciAddressOf(world, "eth0");
  world.defer(() => kernel.pci.setVfCount(address, 0));
  await kernel.pci.setVfCount(address, 1, false);
  const vf = await onlyVfOf(world, address);
  assert.equal((await kernel.pci.get(vf)).driver, undefined);

  await kernel.pci.bind(vf, "vfio-pci");
  const bound = await kernel.pci.get(vf);
  assert.deepEqual([bound.driver, bound.driverOverride, bound.links], ["vfio-pci", "vfio-pci", []]);
  assert.ok(existsSync(`/dev/vfio/${bound.iommuGroup}`), `/dev/vfio/${bound.iommuGroup}`);

  await kernel.pci.bind(vf, "igbvf");
  const back = await kernel.pci.get(vf);
  assert.deepEqual([back.driver, back.links.length], ["igbvf", 1]);
  await assert.rejects(kernel.pci.bind(vf, "no-such-driver"), { code: "not-found" });
  assert.equal((await kernel.pci.get(vf)).driver, "igbvf");
  await kernel.pci.release(vf);
});

test(
  "a cable that is pulled takes the carrier, and a card that is unplugged its links",
  PATIENCE,
  async () => {
    await using world = new World();
    const { kernel } = world;
    const { host } = kernel;
    await using monitor = await MachineMonitor.open();
    const pf = await host.links.get("eth1");
    const up = nextEvent(kernel.linkEvents, "the carrier at first", isOf("eth1", true));
    await host.links.set(pf.index, { isUp: true });
    if (!(await host.links.get("eth1")).hasCarrier) await up;
    else up.catch(() => {});

    const lost = nextEvent(kernel.linkEvents, "the carrier lost", isOf("eth1", false));
    await monitor.execute("set_link", { name: "n2", up: false });
    await lost;
    const found = nextEvent(kernel.linkEvents, "the carrier back", isOf("eth1", true));
    await monitor.execute("set_link", { name: "n2", up: true });
    await found;

    // A VF in a namespace goes with its card.
    await kernel.pci.setVfCount(await pciAddressOf(world, "eth1"), 1, false);
    const vf = await onlyVfOf(world, await pciAddressOf(world, "eth1"));
    await kernel.pci.bind(vf, "igbvf");
    const pod = await world.makeNamespace();
    const { index } = await host.links.get((await kernel.pci.get(vf)).links[0] as string);
    await host.links.set(index, { namespaceFd: pod.fd, name: "net1" });
    const moved = await pod.links.get("net1");

    const gone = nextEvent(
      kernel.linkEvents,
      "the card's link gone",
      ({ change, link, namespaceId }) =>
        change === "gone" && link.index === pf.index && namespaceId === undefined,
    );
    const goneThere = nextEvent(
      kernel.linkEvents,
      "the VF's link gone from its namespace",
      ({ change, link, namespaceId }) =>
        change === "gone" && link.index === moved.index && namespaceId !== undefined,
    );
    await monitor.execute("device_del", { id: "nic2" });
    await Promise.all([gone, goneThere]);
    assert.equal(await pod.links.find("net1"), undefined);
    await assert.rejects(kernel.pci.get(vf), { code: "not-found" });
    const plugged = nextEvent(
      kernel.linkEvents,
      "the card's link again",
      ({ change, link }) => change === "present" && link.mac === pf.mac,
    );
    const card = { driver: "igb", id: "nic2", bus: "rp2", netdev: "n2", mac: pf.mac, romfile: "" };
    await monitor.plug(card);
    await plugged;
  },
);

const isOf =
  (name: string, hasCarrier: boolean) =>
  ({ change, link }: { change: string; link: { name: string; hasCarrier: boolean } }) =>
    change === "present" && link.name === name && link.hasCarrier === hasCarrier;

async function pciAddressOf({ kernel }: World, name: string): Promise<string> {
  const { pciAddress } = await readNetDevice("/sys", name);
  if (pciAddress === undefined) throw new Error(`${name} is no PCI device`);
  return (await kernel.pci.get(pciAddress)).address;
}

/** Links need a moment until packets pass; each of these waits a second for its answer. */
async function ping(namespace: Namespace, to: string): Promise<void> {
  await runIn(namespace, "/run/lab/bin/busybox", "ping", "-c", "15", "-w", "20", "-A", to);
}

async function onlyVfOf({ kernel }: World, address: string): Promise<string> {
  const { sriov } = await kernel.pci.get(address);
  if (sriov?.vfs.length !== 1) throw new Error(`${address} has the VFs ${sriov?.vfs}`);
  return sriov.vfs[0] as string;
}
