import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import test from "node:test";
import { readSysfsLinks } from "../../../../src/linux/sysfs/links.ts";
import { SysfsTree } from "../../sysfs-tree.ts";

const PF = "0000:03:00.0";

test("a physical link is told with its device, state and port", async () => {
  using tree = new SysfsTree().pci(PF, { driver: "mlx5_core", numaNode: 1 }).link("eth0", {
    on: PF,
    index: 7,
    mac: "02:00:00:00:00:07",
    mtu: 9000,
    hasCarrier: true,
    files: {
      type: "1",
      operstate: "up",
      speed: "25000",
      phys_port_name: "p0",
      phys_switch_id: "8cb4a20003a1420c",
    },
  });
  assert.deepEqual(await readSysfsLinks(tree.root), [
    {
      name: "eth0",
      index: 7,
      mac: "02:00:00:00:00:07",
      mtu: 9000,
      linkType: "ether",
      isUp: true,
      hasCarrier: true,
      operState: "up",
      driver: "mlx5_core",
      pciAddress: PF,
      numaNode: 1,
      speed: 25e9,
      lowers: [],
      physicalPortName: "p0",
      physicalSwitchId: "8cb4a20003a1420c",
      isLoopback: false,
    },
  ]);
});

test("links of which nothing is told work, and get free numbers in the order of their names", async () => {
  using tree = new SysfsTree()
    .folder("sys/class/net/c")
    .folder("sys/class/net/a")
    .file("sys/class/net/b/ifindex", "2")
    .file("sys/class/net/d/ifindex", "2")
    .symlink("sys/class/net/e", "sys/devices/nowhere/net/e")
    .file("sys/class/net/bonding_masters", "");
  const links = await readSysfsLinks(tree.root);
  assert.deepEqual(
    links.map(({ name, index }) => [name, index]),
    [
      ["a", 1],
      ["b", 2],
      ["c", 3],
      ["d", 4],
      ["e", 5],
    ],
  );
  assert.deepEqual(links[0], {
    name: "a",
    index: 1,
    mac: "",
    mtu: 0,
    isUp: true,
    hasCarrier: true,
    operState: "unknown",
    lowers: [],
    isLoopback: false,
  });
});

test("the carrier is what is told of it, and none where the link is down or its state says so", async () => {
  const cases: [files: Record<string, string>, isUp: boolean, hasCarrier: boolean][] = [
    [{ flags: "0x1003", carrier: "1" }, true, true],
    [{ flags: "0x1003", carrier: "0" }, true, false],
    [{ flags: "0x11043" }, true, true],
    [{ flags: "0x1003" }, true, true],
    [{ flags: "0x1003", operstate: "lowerlayerdown" }, true, false],
    [{ flags: "0x1002", operstate: "down" }, false, false],
    [{ flags: "0x1002" }, false, false],
    [{ operstate: "down" }, true, false],
    [{ carrier: "yes", flags: "no" }, true, true],
  ];
  for (const [files, isUp, hasCarrier] of cases) {
    using tree = new SysfsTree().files("sys/class/net/eth0", files);
    const [link] = await readSysfsLinks(tree.root);
    assert.deepEqual([link?.isUp, link?.hasCarrier], [isUp, hasCarrier], JSON.stringify(files));
  }
});

test("what stands on what is told, from whichever side it is written", async () => {
  using tree = new SysfsTree()
    .link("br0", { kind: "bridge", files: { "brif/eth1/state": "3" } })
    .link("bond0", { files: { "bonding/slaves": "eth2 eth3" } })
    .link("eth0", { master: "br0" })
    .link("eth1")
    .link("eth2")
    .link("eth3")
    .link("eth0.100", { kind: "vlan", lowers: ["eth0"] })
    .link("eth4")
    .link("eth5", { index: 7 })
    .link("eth6", { index: 8, files: { iflink: "8" } })
    .link("ipvlan0", { files: { iflink: "7" } })
    .link("macvlan0", { kind: "macvlan" })
    .link("veth0", { files: { iflink: "7", uevent: "INTERFACE=veth0" } });
  tree.symlink("sys/class/net/eth3/upper_macvlan0", "sys/class/net/macvlan0");
  tree.symlink("sys/class/net/eth4/brport/bridge", "sys/class/net/br0");
  const links = await readSysfsLinks(tree.root);
  assert.deepEqual(
    links.map(({ name, kind, master, lowers }) => [name, kind, master, lowers]),
    [
      ["bond0", "bond", undefined, ["eth2", "eth3"]],
      ["br0", "bridge", undefined, ["eth1"]],
      ["eth0", undefined, "br0", []],
      ["eth0.100", "vlan", undefined, ["eth0"]],
      ["eth1", undefined, "br0", []],
      ["eth2", undefined, "bond0", []],
      ["eth3", undefined, "bond0", []],
      ["eth4", undefined, "br0", []],
      ["eth5", undefined, undefined, []],
      ["eth6", undefined, undefined, []],
      ["ipvlan0", undefined, undefined, ["eth5"]],
      ["macvlan0", "macvlan", undefined, ["eth3"]],
      ["veth0", undefined, undefined, []],
    ],
  );
});

test("links that only their functions tell of are found, each once", async () => {
  using tree = new SysfsTree()
    .pci(PF)
    .subfunction(PF, "mlx5_core.sf.2", 88)
    .link("eth0", { on: PF, files: { type: "1" } })
    .link("eth1", { on: `${PF}/virtio2`, files: { type: "1" } })
    .link("eth2", { on: "mlx5_core.sf.2", files: { type: "1" } })
    .link("eth3", { on: PF });
  for (const name of ["eth0", "eth1", "eth2"]) tree.remove(`sys/class/net/${name}`);
  assert.deepEqual(
    (await readSysfsLinks(tree.root)).map(({ name, linkType, pciAddress }) => [name, linkType, pciAddress]),
    [
      ["eth0", "ether", PF],
      ["eth1", "ether", PF],
      ["eth2", "ether", undefined],
      ["eth3", undefined, PF],
    ],
  );
});

test("a card's own sort is not a kind of link, and the loopback is one by its type or name", async () => {
  using tree = new SysfsTree()
    .pci(PF)
    .link("wlan0", { on: PF, kind: "wlan" })
    .link("lo")
    .link("loop", { files: { type: "772" } })
    .link("ib0", { files: { type: "32" } });
  const links = await readSysfsLinks(tree.root);
  assert.deepEqual(
    links.map(({ name, kind, linkType, isLoopback }) => [name, kind, linkType, isLoopback]),
    [
      ["ib0", undefined, "infiniband", false],
      ["lo", undefined, undefined, true],
      ["loop", undefined, "loopback", true],
      ["wlan0", undefined, undefined, false],
    ],
  );
});

test("this machine's own links are read", async () => {
  const links = await readSysfsLinks("/");
  assert.equal(new Set(links.map(({ index }) => index)).size, links.length);
  // Only those with an address are told there.
  for (const name of Object.keys(networkInterfaces()))
    assert.ok(
      links.some((link) => link.name === name && link.isUp),
      name,
    );
});
