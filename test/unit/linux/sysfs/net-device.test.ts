import assert from "node:assert/strict";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { readNetDevice } from "../../../../src/linux/sysfs/net-device.ts";
import { SysfsTree } from "../../sysfs-tree.ts";

const ADDRESS = "0000:86:00.1";

test("a PCI device's driver, address, NUMA node, speed and hardware type are read", async () => {
  using tree = new SysfsTree()
    .pci(ADDRESS, { driver: "mlx5_core", numaNode: 1 })
    .link("eth0", { on: ADDRESS, files: { speed: "100000", type: "32" } });
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), {
    driver: "mlx5_core",
    pciAddress: ADDRESS,
    numaNode: 1,
    speed: 100e9,
    linkType: "infiniband",
  });
});

test("a link without a device has none of a device's facts", async () => {
  using tree = new SysfsTree().link("br0");
  assert.deepEqual(await readNetDevice(tree.sysfs, "br0"), {});
  assert.deepEqual(await readNetDevice(tree.sysfs, "nowhere"), {});
});

test("a virtio link has the address of its function, and one that is not on the PCI bus has none", async () => {
  using tree = new SysfsTree().pci(ADDRESS).link("eth0", { on: `${ADDRESS}/virtio2` });
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), { pciAddress: ADDRESS });
  tree.folder("sys/devices/virtio0").folder("sys/class/net/eth1");
  tree.symlink("sys/class/net/eth1/device", "sys/devices/virtio0");
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth1"), {});
});

test("a device that is called by the way up to it is found", async () => {
  using tree = new SysfsTree().pci(ADDRESS).link("eth0", { on: ADDRESS });
  const device = join(tree.sysfs, "class/net/eth0/device");
  rmSync(device);
  symlinkSync("../..", device);
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), { pciAddress: ADDRESS });
});

test("the link of a sub-function has no PCI address of its own", async () => {
  using tree = new SysfsTree().pci(ADDRESS).subfunction(ADDRESS, "mlx5_core.sf.2", 88);
  tree.link("eth0", { on: "mlx5_core.sf.2" });
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), {});
});

test("what the kernel writes for unknown is left out", async () => {
  // A link that is down has the speed -1, which some drivers write as an unsigned number.
  for (const speed of ["-1", "4294967295", "0", "", "fast"]) {
    using tree = new SysfsTree().pci(ADDRESS, { numaNode: -1 });
    tree.link("eth0", { on: ADDRESS, files: { speed, type: "9999" } });
    assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), { pciAddress: ADDRESS }, speed);
  }
});

test("a file that cannot be read tells nothing", async () => {
  using tree = new SysfsTree().folder("sys/class/net/eth0/speed").file("sys/class/net/eth0/type", "1");
  assert.deepEqual(await readNetDevice(tree.sysfs, "eth0"), { linkType: "ether" });
});
