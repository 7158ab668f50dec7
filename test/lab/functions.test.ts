import assert from "node:assert/strict";
import test from "node:test";
import { readFunction, readFunctions } from "../../src/linux/sysfs/functions.ts";
import { readSysfsLinks } from "../../src/linux/sysfs/links.ts";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { World } from "../kernel/world.ts";
import { loadModule } from "./guest.ts";

/** What sysfs tells of the guest's emulated igb cards, and what can be done to their functions. */

const PATIENCE = { timeout: 120_000 };

test(
  "a PF is told with its VFs, one with a link and one for vfio, and each can be given away and reset",
  PATIENCE,
  async () => {
    await using world = new World();
    const { kernel } = world;
    const { pci, host } = kernel;
    for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
    const { pciAddress: address = "" } = await readNetDevice("/sys", "eth0");
    world.defer(() => pci.setVfCount(address, 0));
    await pci.setVfCount(address, 2, false);
    const [first = "", second = ""] = (await pci.get(address)).sriov?.vfs ?? [];
    await pci.bind(first, "igbvf");
    await pci.bind(second, "vfio-pci");

    const functions = await readFunctions("/");
    const [pf, bound, free] = [address, first, second].map((name) =>
      functions.find((each) => each.name === name),
    );
    assert.ok(pf !== undefined && bound !== undefined && free !== undefined);
    assert.deepEqual(
      [pf.driver, pf.class, pf.vendor, pf.mostVfs, pf.vfCount, pf.links],
      ["igb", "020000", "8086", 7, 2, ["eth0"]],
    );
    assert.match(pf.pcieRoot ?? "", /^pci[0-9a-f]{4}:[0-9a-f]{2}$/);
    assert.deepEqual(
      [bound.driver, bound.pf, bound.vfIndex, bound.links.length, bound.mostVfs, bound.pcieRoot],
      ["igbvf", address, 0, 1, undefined, pf.pcieRoot],
    );
    assert.deepEqual(
      [free.driver, free.pf, free.vfIndex, free.links, free.isNoIommu],
      ["vfio-pci", address, 1, [], false],
    );
    assert.match(free.vfioDevice ?? "", /^vfio\d+$/);
    assert.equal(free.iommuGroup, (await pci.get(second)).iommuGroup);
    assert.notEqual(free.iommuGroup, bound.iommuGroup);
    assert.deepEqual(await readFunction("/", second), free);

    // VFs that are there stay as they are.
    await pci.setVfCount(address, 2, false);
    assert.equal((await pci.get(second)).driver, "vfio-pci");

    await pci.reset(second);
    const name = bound.links[0] as string;
    const link = await host.links.get(name);
    await host.links.set(link.index, { isUp: false });
    await assert.rejects(pci.reset(first), { code: "conflict", message: /is down/ });
    await host.links.set(link.index, { isUp: true });
    await pci.reset(first);
    const pod = await world.makeNamespace();
    await host.links.set(link.index, { namespaceFd: pod.fd, name: "net1" });
    await assert.rejects(pci.reset(first), { code: "conflict", message: /another network namespace/ });
    assert.deepEqual((await readFunction("/", first))?.links, []);
    await pod.links.set((await pod.links.get("net1")).index, { namespaceFd: host.fd, name });

    await assert.rejects(pci.bind(first, "no-such-driver"), { code: "not-found" });
    // Its probe declines whatever is no virtio device (virtio_pci_modern_probe).
    await assert.rejects(pci.bind(first, "virtio-pci"), {
      code: "conflict",
      message: /it has igbvf again$/,
    });
    const { driver, driverOverride } = await pci.get(first);
    assert.deepEqual([driver, driverOverride], ["igbvf", "igbvf"]);
    await pci.unbind(first);
    assert.equal((await pci.get(first)).driver, undefined);
    await pci.reset(first);
  },
);

test("links are told by sysfs as by netlink", PATIENCE, async () => {
  await using world = new World();
  const { host } = world.kernel;
  const parent = (await host.links.get("eth1")).index;
  await host.links.create({ name: "eth1.7", parent, of: { kind: "vlan", id: 7 } });
  world.defer(async () => host.links.delete((await host.links.get("eth1.7")).index));
  const told = await readSysfsLinks("/");
  for (const { name, index, mac, mtu, isUp, isLoopback } of (await host.links.list()).links) {
    const link = told.find((each) => each.name === name);
    assert.ok(link !== undefined, name);
    assert.deepEqual(
      [link.index, link.mac, link.mtu, link.isUp, link.isLoopback],
      [index, mac, mtu, isUp, isLoopback],
      name,
    );
  }
  const vlan = told.find(({ name }) => name === "eth1.7");
  assert.deepEqual([vlan?.kind, vlan?.lowers], ["vlan", ["eth1"]]);
});
