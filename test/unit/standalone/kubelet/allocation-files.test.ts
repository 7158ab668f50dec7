import assert from "node:assert/strict";
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DeviceBook } from "../../../../src/clients/device-book.ts";
import { PodResourcesClient } from "../../../../src/clients/pod-resources.ts";
import { DevicePluginDoor, type DevicePluginDoorOptions } from "../../../../src/kubelet/door.ts";
import type { Device } from "../../../../src/model/device.ts";
import type { EmbeddedKubelet } from "../../../../src/standalone/kubelet/embedded-kubelet.ts";
import { FakePools, nic, node, poolOf, vf, vfioAccess } from "../../kubelet/pools.ts";
import { newPod, until, World } from "./world.ts";

const vfs = "intel.com/vfs";
const more = "intel.com/more";
const [one, two, three] = ["0000:01:02.1", "0000:01:02.2", "0000:01:02.3"] as const;
let world: World;
let cdi: string;
let devinfo: string;

beforeEach(async () => {
  world = await World.create();
  cdi = join(world.directory, "cdi");
  devinfo = join(world.directory, "devinfo");
});
afterEach(() => world.end());

function vfio(id: string, group: number) {
  return vf(id, "0000:01:00.0", { access: vfioAccess(id, group) });
}

function bothPools(): FakePools {
  return new FakePools(poolOf(vfs, vfio(one, 11), vfio(two, 12)), poolOf(more, vfio(three, 13)));
}

async function startDoor(
  pools: FakePools,
  options: Partial<DevicePluginDoorOptions>,
): Promise<DevicePluginDoor> {
  const timing = { retryMs: 5, longestRetryMs: 50, stopMs: 50 };
  const door = new DevicePluginDoor({
    pools,
    log: world.log,
    kubeletDir: world.directory,
    timing,
    ...options,
  });
  world.defer(() => door.stop());
  await door.start();
  return door;
}

async function admit(kubelet: EmbeddedKubelet, resources: Record<string, number>) {
  const pod = newPod();
  const [allocation] = await kubelet.admit(pod, [{ name: "main", resources }]);
  assert(allocation !== undefined);
  return { pod, allocation };
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function specOf(file: string): Promise<{ kind: string; devices: { name: string }[] }> {
  return JSON.parse(await readFile(join(cdi, file), "utf8"));
}

describe("allocation without CDI", () => {
  it("gives a container the device nodes of its functions, the common one once", async () => {
    const kubelet = await world.kubelet();
    await startDoor(bothPools(), {});
    await until(kubelet, vfs, "2/2");
    const { allocation } = await admit(kubelet, { [vfs]: 2 });
    assert.deepEqual(
      allocation.deviceNodes,
      ["/dev/vfio/vfio", "/dev/vfio/11", "/dev/vfio/12"].map((path) => node(path)),
    );
    assert.equal(allocation.env.PCIDEVICE_INTEL_COM_VFS, `${one},${two}`);
    assert.deepEqual(allocation.cdiDevices, []);
  });
});

describe("allocation with CDI", () => {
  it("names devices of several pools, in annotations that do not take each other's place", async () => {
    const kubelet = await world.kubelet();
    await startDoor(bothPools(), { cdi: { directory: cdi } });
    await until(kubelet, vfs, "2/2");
    await until(kubelet, more, "1/1");
    const { allocation } = await admit(kubelet, { [vfs]: 1, [more]: 1 });
    assert.deepEqual(allocation.cdiDevices, [`intel.com/net-pci=${one}`, `intel.com/net-pci=${three}`]);
    assert.deepEqual(allocation.annotations, {
      "cdi.k8s.io/lanyard_intel.com_vfs": `intel.com/net-pci=${one}`,
      "cdi.k8s.io/lanyard_intel.com_more": `intel.com/net-pci=${three}`,
    });
    assert.deepEqual([allocation.deviceNodes, allocation.mounts], [[], []]);
    assert.equal(allocation.env.PCIDEVICE_INTEL_COM_VFS, one);
    const spec = await specOf("lanyard-intel.com-net-pci-vfs.json");
    assert.deepEqual([spec.kind, spec.devices.map(({ name }) => name)], ["intel.com/net-pci", [one, two]]);
  });

  it("has a spec for every pool from the beginning, without what an earlier run left, and still in the end", async () => {
    await mkdir(cdi);
    for (const name of ["lanyard-old.json", "lanyard-intel.com-net-pci-vfs.json", "vendor.json"]) {
      await writeFile(join(cdi, name), "{}");
    }
    const kubelet = await world.kubelet();
    const door = await startDoor(bothPools(), { cdi: { directory: cdi } });
    const specs = ["lanyard-intel.com-net-pci-more.json", "lanyard-intel.com-net-pci-vfs.json"];
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    assert.deepEqual(await filesIn(cdi), [...specs, "vendor.json"]);
    assert.equal((await lstat(join(cdi, specs[0] ?? ""))).mode & 0o777, 0o644);
    await door.stop();
    assert.deepEqual(await filesIn(cdi), [...specs, "vendor.json"]);
  });

  it("follows the pools: a device that comes, a driver that changes, a pool that goes", async () => {
    const kubelet = await world.kubelet();
    const pools = bothPools();
    await startDoor(pools, { cdi: { directory: cdi } });
    await until(kubelet, vfs, "2/2");
    pools.set(poolOf(vfs, vfio(one, 11), vfio(two, 22), vfio("0000:01:02.4", 14)));
    await until(kubelet, vfs, "3/3");
    await admit(kubelet, { [vfs]: 3 });
    assert.match(
      await readFile(join(cdi, "lanyard-intel.com-net-pci-vfs.json"), "utf8"),
      /"\/dev\/vfio\/22"/,
    );
    assert.deepEqual(await filesIn(cdi), ["lanyard-intel.com-net-pci-vfs.json"]);
  });

  it("writes a spec that somebody removed before it answers with names from it", async () => {
    const kubelet = await world.kubelet();
    await startDoor(bothPools(), { cdi: { directory: cdi } });
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    await rm(cdi, { recursive: true });
    await admit(kubelet, { [vfs]: 1 });
    assert.deepEqual(await filesIn(cdi), ["lanyard-intel.com-net-pci-vfs.json"]);
  });

  it("leaves a newer agent its specs when an older one ends", async () => {
    const kubelet = await world.kubelet();
    const older = await startDoor(bothPools(), { cdi: { directory: cdi } });
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    await startDoor(new FakePools(poolOf(vfs, vfio(one, 11), vfio(two, 12), vfio(three, 13))), {
      cdi: { directory: cdi },
    });
    await until(kubelet, vfs, "3/3");
    await admit(kubelet, { [vfs]: 1 });
    await older.stop();
    assert.deepEqual(
      (await specOf("lanyard-intel.com-net-pci-vfs.json")).devices.map(({ name }) => name),
      [one, two, three],
    );
  });

  it("refuses the pod when the spec cannot be written, and says why", async () => {
    const kubelet = await world.kubelet();
    await writeFile(cdi, "");
    await startDoor(bothPools(), { cdi: { directory: cdi } });
    await until(kubelet, vfs, "2/2");
    await assert.rejects(admit(kubelet, { [vfs]: 1 }), /Allocate failed due to .*cdi/);
    assert(world.lines.some((line) => line.startsWith("the CDI specs in")));
  });
});

describe("device-info files", () => {
  async function start(pools = bothPools()) {
    const podResourcesSocket = join(world.directory, "pod-resources", "kubelet.sock");
    const kubelet = await world.kubelet({ podResourcesSocket });
    const client = new PodResourcesClient(podResourcesSocket);
    const book = new DeviceBook({ client, log: world.log, clock: world.clock, graceMs: 100 });
    const door = await startDoor(pools, { deviceInfo: { directory: devinfo }, uses: book });
    return { kubelet, book, door };
  }

  it("are there when the pod is admitted, for everybody to read, and go when it is gone", async () => {
    const { kubelet, book, door } = await start();
    await until(kubelet, vfs, "2/2");
    const { pod } = await admit(kubelet, { [vfs]: 2 });
    const files = [one, two].map((id) => `intel.com-vfs-${id}-device.json`);
    assert.deepEqual(await filesIn(devinfo), files);
    const path = join(devinfo, files[0] ?? "");
    assert.equal((await lstat(path)).mode & 0o777, 0o444);
    assert.deepEqual(JSON.parse(await readFile(path, "utf8")), {
      type: "pci",
      version: "1.1.0",
      pci: { "pci-address": one },
    });
    await book.refresh();
    assert.deepEqual(await filesIn(devinfo), files);
    world.clock.advance(100);
    await kubelet.release(pod);
    await book.refresh();
    await door.stop();
    assert.deepEqual(await filesIn(devinfo), []);
  });

  it("go when the pod is gone, also when their pool went before", async () => {
    const pools = bothPools();
    const { kubelet, book, door } = await start(pools);
    await until(kubelet, vfs, "2/2");
    const { pod } = await admit(kubelet, { [vfs]: 1 });
    await book.refresh();
    pools.set();
    await kubelet.release(pod);
    await book.refresh();
    await door.stop();
    assert.deepEqual(await filesIn(devinfo), []);
  });

  it("take the place of one that is there already", async () => {
    await mkdir(devinfo);
    const path = join(devinfo, `intel.com-vfs-${one}-device.json`);
    await writeFile(path, "stale", { mode: 0o444 });
    const { kubelet } = await start();
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    assert.match(await readFile(path, "utf8"), /"pci-address"/);
  });

  it("of an earlier run go only when the kubelet has told that no pod has the device, and others' never", async () => {
    await mkdir(devinfo);
    const foreign = [
      "intel.com-vfs-b-0000:01:02.1-device.json",
      "other.com-vfs-0000:01:02.1-device.json",
      "x.json",
    ];
    const own = [`intel.com-vfs-${two}-device.json`, "intel.com-vfs-mlx5_core.sf.2-device.json"];
    for (const file of [...foreign, ...own]) await writeFile(join(devinfo, file), "{}");
    const { kubelet, book, door } = await start();
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    const given = `intel.com-vfs-${one}-device.json`;
    assert.deepEqual(await filesIn(devinfo), [...foreign, ...own, given].sort());
    await book.refresh();
    await door.stop();
    assert.deepEqual(await filesIn(devinfo), [...foreign, given].sort());
  });

  it("stay when the agent ends, since the pods do", async () => {
    const { kubelet, door } = await start();
    await until(kubelet, vfs, "2/2");
    await admit(kubelet, { [vfs]: 1 });
    await door.stop();
    assert.equal((await filesIn(devinfo)).length, 1);
  });

  it("are none for devices that have no such information", async () => {
    const { kubelet } = await start(new FakePools(poolOf(vfs, nic("up0"))));
    await until(kubelet, vfs, "1/1");
    await admit(kubelet, { [vfs]: 1 });
    assert.deepEqual(await filesIn(devinfo), []);
  });
});

describe("preparing devices", () => {
  it("comes before the answer, with the devices that are given, and its failure refuses the pod", async () => {
    const kubelet = await world.kubelet();
    const prepared: string[][] = [];
    let failure: Error | undefined;
    const prepare = async (devices: readonly Device[]) => {
      prepared.push(devices.map(({ id }) => id));
      if (failure) throw failure;
    };
    await startDoor(bothPools(), { prepare });
    await until(kubelet, vfs, "2/2");
    failure = new Error(`${one} cannot be reset`);
    await assert.rejects(
      admit(kubelet, { [vfs]: 1 }),
      /Allocate failed due to .*0000:01:02\.1 cannot be reset, which is unexpected/,
    );
    assert.equal(kubelet.resources().find(({ resource }) => resource === vfs)?.allocated, 0);
    failure = undefined;
    await admit(kubelet, { [vfs]: 2 });
    assert.deepEqual(prepared, [[one], [one, two]]);
  });

  it("may give them another driver, and the answer and the spec are those of the devices as they are then", async () => {
    const kubelet = await world.kubelet();
    const pools = new FakePools(poolOf(vfs, vf(one)));
    const prepare = async () => pools.set(poolOf(vfs, vfio(one, 11)));
    await startDoor(pools, { prepare, cdi: { directory: cdi } });
    await until(kubelet, vfs, "1/1");
    const { allocation } = await admit(kubelet, { [vfs]: 1 });
    assert.deepEqual(allocation.cdiDevices, [`intel.com/net-pci=${one}`]);
    assert.match(allocation.env.PCIDEVICE_INTEL_COM_VFS_INFO ?? "", /"vfio"/);
    const [file = ""] = await filesIn(cdi);
    assert.deepEqual(
      (await specOf(file)).devices.map(({ name }) => name),
      [one],
    );
  });

  it("may take them away, which refuses the pod", async () => {
    const kubelet = await world.kubelet();
    const pools = new FakePools(poolOf(vfs, vfio(one, 11), vfio(two, 12)));
    await startDoor(pools, { prepare: async () => pools.set(poolOf(vfs, vfio(two, 12))) });
    await until(kubelet, vfs, "2/2");
    await assert.rejects(
      admit(kubelet, { [vfs]: 1 }),
      /there is no device "0000:01:02\.1"; there are: 0000:01:02\.2/,
    );
  });
});
