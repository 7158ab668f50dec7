import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import test from "node:test";
import { pino } from "pino";
import { FunctionTable } from "../../../src/inventory/function-table.ts";
import type { Uevent } from "../../../src/linux/uevent.ts";
import { SysfsTree } from "../sysfs-tree.ts";
import { PF0, PF1, vfAddress } from "./samples.ts";

const VF = vfAddress(PF0, 0);
const ROOT_BUS = "/devices/pci0000:00";

function uevent(devicePath: string, subsystem: string, action = "change"): Uevent {
  return { action, devicePath, subsystem, properties: {} } as Uevent;
}

/** A table that has read a tree, and how to wait until it has read again. */
async function tableOf(tree: SysfsTree) {
  const readings = new EventEmitter();
  const table = new FunctionTable(tree.root, pino({ level: "silent" }), () => readings.emit("read"));
  await table.readAll();
  return {
    table,
    names: () => [...table.functions.keys()].sort(),
    /** Takes an event and waits for what it leads to. */
    take: async (event: Uevent) => {
      const read = once(readings, "read");
      table.take(event);
      await read;
    },
  };
}

const driverOf = (table: FunctionTable, name: string) => table.functions.get(name)?.driver;

test("a table reads every function once, and a function again when an event is about it", async () => {
  using tree = new SysfsTree().driver("vfio-pci").pci(PF0, { driver: "ice" }).pci(PF1, { driver: "ice" });
  const { table, names, take } = await tableOf(tree);
  assert.deepEqual(names(), [PF0, PF1]);
  tree.bind(PF0, "vfio-pci").bind(PF1, "vfio-pci");
  await take(uevent(`${ROOT_BUS}/${PF0}`, "pci", "bind"));
  assert.equal(driverOf(table, PF0), "vfio-pci");
  assert.equal(driverOf(table, PF1), "ice", "nothing was said of it");
});

test("a function that has gone is known no more, and one that has come is", async () => {
  using tree = new SysfsTree().pci(PF0, { driver: "ice" });
  const { names, take } = await tableOf(tree);
  tree.pci(PF1, { driver: "ice" });
  await take(uevent(`${ROOT_BUS}/${PF1}`, "pci", "add"));
  assert.deepEqual(names(), [PF0, PF1]);
  tree.remove(`sys/bus/pci/devices/${PF0}`);
  await take(uevent(`${ROOT_BUS}/${PF0}`, "pci", "remove"));
  assert.deepEqual(names(), [PF1]);
});

test("a VF that has come makes its PF tell its number of VFs anew", async () => {
  using tree = new SysfsTree().pci(PF0, { driver: "ice", mostVfs: 8 });
  const { table, take } = await tableOf(tree);
  assert.equal(table.functions.get(PF0)?.vfCount, 0);
  tree.vf(PF0, VF, { driver: "iavf" });
  await take(uevent(`${ROOT_BUS}/${VF}`, "pci", "add"));
  assert.equal(table.functions.get(PF0)?.vfCount, 1);
  assert.equal(table.functions.get(VF)?.vfIndex, 0);
});

test("a VF that has gone does so too", async () => {
  using tree = new SysfsTree().pci(PF0, { driver: "ice", mostVfs: 8 }).vf(PF0, VF, { driver: "iavf" });
  const { table, names, take } = await tableOf(tree);
  tree.remove(`sys/bus/pci/devices/${VF}`).remove(`${tree.folderOf(PF0)}/virtfn0`);
  tree.files(tree.folderOf(PF0), { sriov_numvfs: "0" });
  await take(uevent(`${ROOT_BUS}/${VF}`, "pci", "remove"));
  assert.deepEqual(names(), [PF0]);
  assert.equal(table.functions.get(PF0)?.vfCount, 0);
});

test("what happens to a function's link, RDMA, vDPA, uio or vfio device is about the function", async () => {
  using tree = new SysfsTree().driver("uio").pci(PF0, { driver: "ice" });
  const { table, take } = await tableOf(tree);
  const folder = `${ROOT_BUS}/${PF0}`;
  const events: [string, Uevent, () => unknown][] = [
    ["links", uevent(`${folder}/net/ens1f0`, "net", "add"), () => tree.link("ens1f0", { on: PF0 })],
    [
      "rdma",
      uevent(`${folder}/infiniband/irdma0`, "infiniband", "add"),
      () => tree.folder(`sys/devices/pci0000:00/${PF0}/infiniband/irdma0`),
    ],
    [
      "uio",
      uevent(`${folder}/uio/uio0`, "uio", "add"),
      () => tree.folder(`sys/devices/pci0000:00/${PF0}/uio/uio0`),
    ],
    [
      "vfioDevice",
      uevent(`${folder}/vfio-dev/vfio0`, "vfio-dev", "add"),
      () => tree.folder(`sys/devices/pci0000:00/${PF0}/vfio-dev/vfio0`),
    ],
  ];
  for (const [fact, event, happen] of events) {
    const before = table.functions.get(PF0);
    happen();
    await take(event);
    const now = table.functions.get(PF0);
    assert.notDeepEqual(now?.[fact as keyof typeof now], before?.[fact as keyof typeof before], fact);
  }
});

test("a sub-function that comes or goes is noticed", async () => {
  using tree = new SysfsTree().pci(PF0, { driver: "mlx5_core" });
  const { names, take } = await tableOf(tree);
  tree.subfunction(PF0, "mlx5_core.sf.2", 88);
  await take(uevent(`${ROOT_BUS}/${PF0}/mlx5_core.sf.2`, "auxiliary", "add"));
  assert.deepEqual(names(), [PF0, "mlx5_core.sf.2"]);
  tree.remove("sys/bus/auxiliary/devices/mlx5_core.sf.2");
  await take(uevent(`${ROOT_BUS}/${PF0}/mlx5_core.sf.2`, "auxiliary", "remove"));
  assert.deepEqual(names(), [PF0]);
});

test("a link of a sub-function that is renamed is noticed", async () => {
  using tree = new SysfsTree()
    .pci(PF0, { driver: "mlx5_core" })
    .subfunction(PF0, "mlx5_core.sf.2", 88)
    .link("eth0", { on: "mlx5_core.sf.2" });
  const { table, take } = await tableOf(tree);
  const folder = `${tree.folderOf("mlx5_core.sf.2")}/net`;
  tree.remove(`${folder}/eth0`).remove("sys/class/net/eth0").link("s88", { on: "mlx5_core.sf.2" });
  await take(uevent(`${ROOT_BUS}/${PF0}/mlx5_core.sf.2/net/s88`, "net", "move"));
  assert.deepEqual(table.functions.get("mlx5_core.sf.2")?.links, ["s88"]);
});

test("functions of other classes are nothing to it", async () => {
  using tree = new SysfsTree().pci(PF0, { driver: "ice" });
  const { names, take } = await tableOf(tree);
  tree.pci("0000:00:02.0", { class: "030000" });
  await take(uevent(`${ROOT_BUS}/0000:00:02.0`, "pci", "add"));
  assert.deepEqual(names(), [PF0]);
});

test("events of other subsystems, and of devices without a function, lead to no reading", async () => {
  using tree = new SysfsTree().driver("vfio-pci").pci(PF0, { driver: "ice" }).pci(PF1, { driver: "ice" });
  const { table, take } = await tableOf(tree);
  tree.bind(PF0, "vfio-pci").bind(PF1, "vfio-pci");
  table.take(uevent(`${ROOT_BUS}/${PF0}/hwmon/hwmon0`, "hwmon", "add"));
  table.take(uevent("/devices/virtual/net/veth0", "net", "add"));
  await take(uevent(`${ROOT_BUS}/${PF1}`, "pci", "bind"));
  assert.deepEqual([driverOf(table, PF0), driverOf(table, PF1)], ["ice", "vfio-pci"]);
});
