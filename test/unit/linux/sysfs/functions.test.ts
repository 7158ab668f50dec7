import assert from "node:assert/strict";
import test from "node:test";
import { readFunction, readFunctions } from "../../../../src/linux/sysfs/functions.ts";
import { SysfsTree } from "../../sysfs-tree.ts";

const PF = "0000:03:00.0";
const VF = "0000:03:02.1";

/** What a function tells of which nothing but its identity is known. */
const PLAIN = {
  vendor: "8086",
  device: "154c",
  class: "020000",
  isNoIommu: false,
  links: [],
  rdma: [],
};

test("a PF and its VFs are told with drivers, links, NUMA node, IOMMU group and PCIe root", async () => {
  using tree = new SysfsTree()
    .pci(PF, { device: "1572", driver: "i40e", numaNode: 1, mostVfs: 64, pcieRoot: "pci0000:80" })
    .vf(PF, "0000:03:02.0", { driver: "iavf", pcieRoot: "pci0000:80" })
    .vf(PF, VF, { driver: "vfio-pci", iommuGroup: 87, pcieRoot: "pci0000:80", numaNode: 1 })
    .files(`sys/devices/pci0000:80/${VF}`, { acpi_index: "101" })
    .folder(`sys/devices/pci0000:80/${VF}/vfio-dev/vfio3`)
    .link("ens1f0", { on: PF })
    .link("ens1f0v0", { on: "0000:03:02.0" });
  assert.deepEqual(await readFunctions(tree.root), [
    {
      ...PLAIN,
      bus: "pci",
      name: PF,
      pciAddress: PF,
      device: "1572",
      driver: "i40e",
      numaNode: 1,
      pcieRoot: "pci0000:80",
      mostVfs: 64,
      vfCount: 2,
      links: ["ens1f0"],
    },
    {
      ...PLAIN,
      bus: "pci",
      name: "0000:03:02.0",
      pciAddress: "0000:03:02.0",
      driver: "iavf",
      pcieRoot: "pci0000:80",
      pf: PF,
      vfIndex: 0,
      links: ["ens1f0v0"],
    },
    {
      ...PLAIN,
      bus: "pci",
      name: VF,
      pciAddress: VF,
      driver: "vfio-pci",
      numaNode: 1,
      pcieRoot: "pci0000:80",
      pf: PF,
      vfIndex: 1,
      iommuGroup: 87,
      vfioDevice: "vfio3",
      acpiIndex: 101,
    },
  ]);
});

test("network controllers and accelerators are told, and of others one that is asked for", async () => {
  using tree = new SysfsTree()
    .pci("0000:00:02.0", { class: "030000" })
    .pci("0000:01:00.0", { class: "020700" })
    .pci("0000:02:00.0", { class: "120000" });
  const names = (await readFunctions(tree.root)).map(({ name }) => name);
  assert.deepEqual(names, ["0000:01:00.0", "0000:02:00.0"]);
  assert.equal((await readFunction(tree.root, "0000:00:02.0"))?.class, "030000");
  assert.equal(await readFunction(tree.root, "0000:00:09.0"), undefined);
  assert.equal(await readFunction(tree.root, "../../../../etc"), undefined);
});

test("a tree of plain folders is read, with vendor, device and class from modalias", async () => {
  using tree = new SysfsTree()
    .files(`sys/bus/pci/devices/${PF}`, {
      modalias: "pci:v00008086d0000154Csv0000152Dsd00000B12bc02sc00i00",
    })
    .symlink(`sys/bus/pci/devices/${PF}/driver`, "sys/bus/pci/drivers/iavf")
    .files("sys/class/net/eth0", {})
    .symlink("sys/class/net/eth0/device", `sys/bus/pci/devices/${PF}`);
  const facts = { ...PLAIN, bus: "pci", name: PF, pciAddress: PF, driver: "iavf", links: ["eth0"] };
  assert.deepEqual(await readFunctions(tree.root), [facts]);
  assert.deepEqual(await readFunction(tree.root, PF), facts);
});

test("what its own files tell of a function comes before modalias", async () => {
  const modalias = "pci:v000015B3d00001018sv0sd0bc12sc07i00";
  const expected: [missing: string, told: [string, string, string]][] = [
    ["vendor", ["15b3", "10ed", "020000"]],
    ["device", ["8086", "1018", "020000"]],
    ["class", ["8086", "10ed", "120700"]],
  ];
  for (const [missing, told] of expected) {
    using tree = new SysfsTree().pci(PF, { device: "10ED", files: { modalias } });
    tree.remove(`${tree.folderOf(PF)}/${missing}`);
    const [facts] = await readFunctions(tree.root);
    assert.deepEqual([facts?.vendor, facts?.device, facts?.class], told, missing);
  }
});

test("numbers of vendor, device and class are read without the zeros before them, and in any letter case", async () => {
  using tree = new SysfsTree().pci(PF, { vendor: "8086", device: "D5C" });
  tree.file(`${tree.folderOf(PF)}/class`, "0X20000");
  const [facts] = await readFunctions(tree.root);
  assert.deepEqual([facts?.vendor, facts?.device, facts?.class], ["8086", "0d5c", "020000"]);
});

test("garbage in a file is not told, and never an error", async () => {
  const garbage = "\u0000\uffff-\n\n=x";
  using tree = new SysfsTree().pci(PF, {
    mostVfs: 8,
    files: { acpi_index: garbage, aer_dev_fatal: garbage, uevent: garbage, modalias: garbage },
  });
  tree.files(tree.folderOf(PF), { numa_node: garbage, sriov_numvfs: "many", sriov_totalvfs: "1e1" });
  tree.file(`${tree.folderOf(PF)}/iommu_group`, garbage).file(`${tree.folderOf(PF)}/net`, garbage);
  tree.folder(`${tree.folderOf(PF)}/physfn`).file(`${tree.folderOf(PF)}/uio`, garbage);
  tree.file("sys/bus/auxiliary/devices/mlx5_core.sf.1", garbage).file("sys/class/infiniband", garbage);
  tree.pci("0000:04:00.0", { vendor: "80867" }).file("sys/bus/pci/devices/0000:05:00.0", garbage);
  tree.symlink("sys/bus/pci/devices/0000:06:00.0", "sys/bus/pci/devices/0000:06:00.0");
  assert.deepEqual(await readFunctions(tree.root), [
    { ...PLAIN, bus: "pci", name: PF, pciAddress: PF, pcieRoot: "pci0000:00" },
  ]);
});

test("a root without a sys folder has no functions", async () => {
  using tree = new SysfsTree();
  assert.deepEqual(await readFunctions(tree.root), []);
});

test("VFs are counted by their links where their number is not told", async () => {
  using tree = new SysfsTree().pci(PF, { mostVfs: 8 }).vf(PF, VF).vf(PF, "0000:03:02.2");
  tree.remove(`${tree.folderOf(PF)}/sriov_numvfs`);
  const functions = await readFunctions(tree.root);
  assert.deepEqual(
    functions.map(({ vfCount, vfIndex }) => [vfCount, vfIndex]),
    [
      [2, undefined],
      [undefined, 0],
      [undefined, 1],
    ],
  );
});

test("a VF's number is that of its PF's link, also where numbers have two digits", async () => {
  using tree = new SysfsTree().pci(PF, { mostVfs: 64 });
  for (let number = 0; number < 12; number += 1) tree.vf(PF, `0000:03:1${number >> 3}.${number & 7}`);
  const facts = await Promise.all([
    readFunction(tree.root, "0000:03:10.2"),
    readFunction(tree.root, "0000:03:11.2"),
  ]);
  assert.deepEqual(
    facts.map((each) => each?.vfIndex),
    [2, 10],
  );
});

test("a group without an IOMMU and a device for user space are told", async () => {
  using tree = new SysfsTree().pci(PF, { iommuGroup: 4 }).pci(VF, { driver: "igb_uio" });
  tree.file("sys/kernel/iommu_groups/4/name", "vfio-noiommu");
  tree.folder(`${tree.folderOf(VF)}/uio/uio7`);
  const [group, uio] = await readFunctions(tree.root);
  assert.deepEqual([group?.iommuGroup, group?.isNoIommu], [4, true]);
  assert.deepEqual([uio?.uio, uio?.isNoIommu], ["uio7", false]);
});

test("the link of a virtio function is found one device deeper, and that of a vDPA device two", async () => {
  using tree = new SysfsTree().pci(PF).pci(VF);
  tree.link("eth0", { on: `${PF}/virtio2` }).link("eth1", { on: `${VF}/vdpa0/virtio3` });
  const functions = [await readFunction(tree.root, PF), await readFunction(tree.root, VF)];
  for (const each of [await readFunctions(tree.root), functions])
    assert.deepEqual(
      each.map((facts) => facts?.links),
      [["eth0"], ["eth1"]],
    );
});

test("RDMA devices are told with their character devices and partition keys", async () => {
  using tree = new SysfsTree().pci(PF, { vendor: "15b3" });
  const folder = tree.folderOf(PF);
  tree
    .files(`${folder}/infiniband/mlx5_2`, { "ports/1/pkeys/0": "0xffff", "ports/1/pkeys/1": "0x0000" })
    .folder(`${folder}/infiniband/mlx5_2/ports/1/pkeys`)
    .files(`${folder}/infiniband_verbs/uverbs2`, { ibdev: "mlx5_2" })
    .files(`${folder}/infiniband_mad/umad5`, { ibdev: "mlx5_2" })
    .files(`${folder}/infiniband_mad/issm5`, { ibdev: "mlx5_2" });
  const rdma = [{ name: "mlx5_2", uverbs: "uverbs2", umad: "umad5", issm: "issm5", pKeys: ["0xffff"] }];
  assert.deepEqual((await readFunctions(tree.root))[0]?.rdma, rdma);
  assert.deepEqual((await readFunction(tree.root, PF))?.rdma, rdma);
});

test("RDMA devices that their class alone tells of are found, each with its own character devices", async () => {
  using tree = new SysfsTree().pci(PF, { vendor: "15b3" });
  for (const [at, name] of ["mlx5_0", "mlx5_1"].entries()) {
    tree
      .symlink(`sys/class/infiniband/${name}/device`, `sys/bus/pci/devices/${PF}`)
      .file(`sys/class/infiniband/${name}/ports/1/pkeys/0`, `0x800${at}`)
      .file("sys/class/infiniband_verbs/abi_version", "6")
      .files(`sys/class/infiniband_verbs/uverbs${at + 4}`, { ibdev: name })
      .files(`sys/class/infiniband_mad/umad${at}`, { ibdev: name });
  }
  assert.deepEqual((await readFunctions(tree.root))[0]?.rdma, [
    { name: "mlx5_0", uverbs: "uverbs4", umad: "umad0", pKeys: ["0x8000"] },
    { name: "mlx5_1", uverbs: "uverbs5", umad: "umad1", pKeys: ["0x8001"] },
  ]);
});

test("character devices that tell no more than their function are those of its only RDMA device", async () => {
  using tree = new SysfsTree().pci(PF, { vendor: "15b3" }).pci(VF, { vendor: "15b3" });
  tree
    .folder(`${tree.folderOf(PF)}/infiniband/mlx5_0`)
    .folder(`${tree.folderOf(PF)}/infiniband_verbs/uverbs0`)
    .symlink("sys/class/infiniband_mad/umad3/device", tree.folderOf(PF))
    .folder(`${tree.folderOf(VF)}/infiniband/mlx5_1`)
    .folder(`${tree.folderOf(VF)}/infiniband/mlx5_2`)
    .folder(`${tree.folderOf(VF)}/infiniband_verbs/uverbs1`);
  assert.deepEqual(
    (await readFunctions(tree.root)).map(({ rdma }) => rdma),
    [
      [{ name: "mlx5_0", uverbs: "uverbs0", umad: "umad3", pKeys: [] }],
      [
        { name: "mlx5_1", pKeys: [] },
        { name: "mlx5_2", pKeys: [] },
      ],
    ],
  );
});

test("a vDPA device is told by who serves it, and not while nobody does", async () => {
  const other = "0000:03:02.2";
  using tree = new SysfsTree().pci(PF).pci(VF).pci(other);
  tree
    .folder(`${tree.folderOf(VF)}/vdpa0/vhost-vdpa-4`)
    .symlink(`${tree.folderOf(VF)}/vdpa0/driver`, "sys/bus/vdpa/drivers/vhost_vdpa")
    .symlink("sys/bus/vdpa/devices/vdpa0", `${tree.folderOf(VF)}/vdpa0`)
    .folder(`${tree.folderOf(PF)}/vdpa1`)
    .symlink("sys/bus/vdpa/devices/vdpa2/device", tree.folderOf(other))
    .symlink("sys/bus/vdpa/devices/vdpa2/driver", "sys/bus/vdpa/drivers/virtio_vdpa");
  assert.deepEqual(
    (await readFunctions(tree.root)).map(({ vdpa }) => vdpa),
    [undefined, { name: "vdpa0", type: "vhost", node: "vhost-vdpa-4" }, { name: "vdpa2", type: "virtio" }],
  );
});

test("a vDPA device whose driver is not told is told by what that has made", async () => {
  using tree = new SysfsTree().pci(PF).pci(VF);
  tree.folder(`${tree.folderOf(PF)}/vdpa0/vhost-vdpa-2`).folder(`${tree.folderOf(VF)}/vdpa1/virtio6`);
  assert.deepEqual(
    (await readFunctions(tree.root)).map(({ vdpa }) => vdpa),
    [
      { name: "vdpa0", type: "vhost", node: "vhost-vdpa-2" },
      { name: "vdpa1", type: "virtio", virtioDevice: "virtio6" },
    ],
  );
});

test("PCI errors are counted by the kernel's totals, or summed where it has none", async () => {
  using tree = new SysfsTree().pci(VF).pci(PF, {
    files: {
      aer_dev_fatal: "Undefined 0\nDLP 1\nTOTAL_ERR_FATAL 3",
      aer_dev_nonfatal: "Undefined 4\nPoisoned TLP 5",
    },
  });
  const [pf, vf] = await readFunctions(tree.root);
  assert.deepEqual(pf?.pciErrors, { fatal: 3, nonFatal: 9, correctable: 0 });
  assert.equal(vf?.pciErrors, undefined);
});

test("a sub-function has its own driver, number and links, and the rest of its PCI function", async () => {
  using tree = new SysfsTree()
    .pci(PF, { vendor: "15b3", device: "101d", driver: "mlx5_core", numaNode: 0, iommuGroup: 9 })
    .subfunction(PF, "mlx5_core.sf.2", 88, { driver: "mlx5_core.sf" })
    .folder("sys/bus/auxiliary/devices/mlx5_core.eth.0")
    .link("enp3s0f0s88", { on: "mlx5_core.sf.2" })
    .folder(`sys/devices/pci0000:00/${PF}/mlx5_core.sf.2/infiniband/mlx5_3`);
  const [pf, subfunction, ...others] = await readFunctions(tree.root);
  assert.deepEqual(pf?.links, []);
  assert.deepEqual(subfunction, {
    ...PLAIN,
    bus: "auxiliary",
    name: "mlx5_core.sf.2",
    pciAddress: PF,
    vendor: "15b3",
    device: "101d",
    driver: "mlx5_core.sf",
    numaNode: 0,
    pcieRoot: "pci0000:00",
    pf: PF,
    sfNumber: 88,
    links: ["enp3s0f0s88"],
    rdma: [{ name: "mlx5_3", pKeys: [] }],
  });
  assert.deepEqual(others, []);
});

test("a sub-function in a plain folder belongs to what it calls its device, and to none without", async () => {
  using tree = new SysfsTree()
    .pci(PF)
    .file("sys/bus/auxiliary/devices/mlx5_core.sf.4/sfnum", "7")
    .symlink("sys/bus/auxiliary/devices/mlx5_core.sf.4/device", `sys/bus/pci/devices/${PF}`)
    .file("sys/bus/auxiliary/devices/mlx5_core.sf.5/sfnum", "8")
    .symlink("sys/bus/auxiliary/devices/mlx5_core.sf.6/device", "sys/card")
    .symlink("sys/card", `sys/bus/pci/devices/${PF}`);
  const functions = await readFunctions(tree.root);
  assert.deepEqual(
    functions.map(({ name, pf, sfNumber }) => [name, pf, sfNumber]),
    [
      [PF, undefined, undefined],
      ["mlx5_core.sf.4", PF, 7],
      ["mlx5_core.sf.6", PF, undefined],
    ],
  );
});

test("a sub-function has its PCI function's driver where its folder tells of none, and none where the kernel's does", async () => {
  using tree = new SysfsTree().pci(PF, { driver: "mlx5_core" });
  tree.subfunction(PF, "mlx5_core.sf.2", 88).subfunction(PF, "mlx5_core.sf.3", 89);
  tree.file(`${tree.folderOf("mlx5_core.sf.3")}/uevent`, "MODALIAS=auxiliary:mlx5_core.sf");
  assert.deepEqual(
    (await readFunctions(tree.root)).map(({ name, driver }) => [name, driver]),
    [
      [PF, "mlx5_core"],
      ["mlx5_core.sf.2", "mlx5_core"],
      ["mlx5_core.sf.3", undefined],
    ],
  );
});

test("sub-functions that only their PCI function has are found", async () => {
  using tree = new SysfsTree().pci(PF).subfunction(PF, "mlx5_core.sf.2", 88);
  tree.remove("sys/bus/auxiliary").folder(`${tree.folderOf(PF)}/mlx5_core.eth.0`);
  const [, ...found] = await readFunctions(tree.root);
  assert.deepEqual(
    found.map(({ name, pf, sfNumber }) => [name, pf, sfNumber]),
    [["mlx5_core.sf.2", PF, 88]],
  );
});

test("functions that go while they are read are told whole or not at all", async () => {
  // They go a little later in each round, so that they go at every stage of the reading.
  for (let round = 0; round < 30; round += 1) {
    using tree = new SysfsTree().pci(PF, { mostVfs: 64 });
    const vfs = Array.from({ length: 8 }, (_, number) => `0000:03:10.${number}`);
    for (const address of vfs)
      tree.vf(PF, address, { driver: "iavf" }).link(`eth-${address}`, { on: address });
    const reading = readFunctions(tree.root);
    for (let turn = 0; turn < round; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    for (const address of vfs) tree.remove(`sys/bus/pci/devices/${address}`).remove(tree.folderOf(address));
    for (const { name, driver, links } of await reading)
      if (name !== PF) assert.deepEqual([driver, links], ["iavf", [`eth-${name}`]], `round ${round}`);
    assert.deepEqual(
      (await readFunctions(tree.root)).map(({ name }) => name),
      [PF],
    );
  }
});

test("this machine's own functions are read", async () => {
  for (const { name, vendor, class: functionClass } of await readFunctions("/")) {
    assert.match(vendor, /^[0-9a-f]{4}$/, name);
    assert.match(functionClass, /^(02|12)[0-9a-f]{4}$/, name);
  }
});
