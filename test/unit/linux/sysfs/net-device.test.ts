import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { readNetDevice } from "../../../../src/linux/sysfs/net-device.ts";

/** A tree laid out as sysfs is, gone at the end. */
class SysfsTree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "lanyard-sysfs-"));

  /** A link's folder; files in it by path. */
  link(name: string, files: Record<string, string>): this {
    const folder = join(this.root, "class/net", name);
    mkdirSync(folder, { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), `${text}\n`);
    return this;
  }

  /** Hangs a link on a device, with the device's files. */
  device(name: string, device: string, files: Record<string, string> = {}, driver?: string): this {
    const folder = join(this.root, "devices", device);
    mkdirSync(folder, { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), `${text}\n`);
    if (driver !== undefined) symlinkSync(`../../../../bus/pci/drivers/${driver}`, join(folder, "driver"));
    symlinkSync(`../../../devices/${device}`, join(this.root, "class/net", name, "device"));
    return this;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

test("a PCI device's driver, address, NUMA node and speed are read", async () => {
  using tree = new SysfsTree()
    .link("eth0", { speed: "100000" })
    .device("eth0", "pci0000:80/0000:86:00.1", { numa_node: "1" }, "mlx5_core");
  assert.deepEqual(await readNetDevice(tree.root, "eth0"), {
    driver: "mlx5_core",
    pciAddress: "0000:86:00.1",
    numaNode: 1,
    speed: 100e9,
  });
});

test("a link without a device has none of a device's facts", async () => {
  using tree = new SysfsTree().link("br0", {});
  assert.deepEqual(await readNetDevice(tree.root, "br0"), {});
  assert.deepEqual(await readNetDevice(tree.root, "nowhere"), {});
});

test("a device that is not on the PCI bus has no PCI address", async () => {
  using tree = new SysfsTree().link("eth0", {}).device("eth0", "virtio0", { numa_node: "0" });
  assert.deepEqual(await readNetDevice(tree.root, "eth0"), { numaNode: 0 });
});

test("what the kernel writes for unknown is left out", async () => {
  // A link that is down has the speed -1, which some drivers write as an unsigned number.
  for (const speed of ["-1", "4294967295", "0", "", "fast"]) {
    using tree = new SysfsTree().link("eth0", { speed }).device("eth0", "0000:00:03.0", { numa_node: "-1" });
    assert.deepEqual(await readNetDevice(tree.root, "eth0"), { pciAddress: "0000:00:03.0" }, speed);
  }
});

test("a file that cannot be read for another reason is an error", async () => {
  using tree = new SysfsTree().link("eth0", {});
  mkdirSync(join(tree.root, "class/net/eth0/speed"));
  await assert.rejects(readNetDevice(tree.root, "eth0"), { code: "EISDIR" });
});
