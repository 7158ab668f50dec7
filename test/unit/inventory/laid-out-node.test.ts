import assert from "node:assert/strict";
import test from "node:test";
import { readLaidOutNode } from "../../../src/inventory/laid-out-node.ts";
import { findWayOut } from "../../../src/inventory/way-out.ts";
import { SysfsTree } from "../sysfs-tree.ts";
import { PF0, PF1, vfAddress } from "./samples.ts";

/** A default route of IPv4 by a link, as /proc/net/route has it. */
function routeBy(link: string): string {
  const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
  return `${head}\n${link}\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0`;
}

test("a folder that stands for a node is read without netlink, the functions in the order of their names", async () => {
  using tree = new SysfsTree()
    .pci(PF1, { driver: "ice" })
    .pci(PF0, { driver: "ice", mostVfs: 8 })
    .vf(PF0, vfAddress(PF0, 0), { driver: "iavf" })
    .link("eth0", { on: PF1, index: 2 })
    .link("eth0.7", { kind: "vlan", lowers: ["eth0"], index: 3 })
    .link("ens1f0", { on: PF0, index: 4, mac: "02:00:00:00:00:01", mtu: 9000, hasCarrier: false })
    .file("proc/net/route", routeBy("eth0.7"))
    .file("dev/vfio/vfio", "")
    .file("dev/net/tun", "");
  const { functions, links, deviceFiles, ...rest } = await readLaidOutNode(tree.root);
  assert.deepEqual(
    functions.map(({ name }) => name),
    [PF0, PF1, vfAddress(PF0, 0)],
  );
  assert.deepEqual(
    links.find(({ name }) => name === "ens1f0"),
    {
      name: "ens1f0",
      altNames: [],
      index: 4,
      mac: "02:00:00:00:00:01",
      mtu: 9000,
      isUp: true,
      hasCarrier: false,
      operState: "unknown",
      lowers: [],
      driver: "ice",
      pciAddress: PF0,
      hasDefaultRoute: false,
      isLoopback: false,
    },
  );
  assert.deepEqual([...findWayOut(links).keys()].sort(), [2, 3]);
  for (const file of ["/dev/vfio/vfio", "/dev/net/tun"]) assert.ok(deviceFiles.has(file), file);
  const nothing = [...rest.cards, ...rest.disabledVfs, ...rest.recentPciErrors, ...rest.unsettled];
  assert.deepEqual(nothing, []);
});

test("an empty folder is a node without anything", async () => {
  using tree = new SysfsTree();
  const { functions, links, deviceFiles } = await readLaidOutNode(tree.root);
  assert.deepEqual([functions, links, deviceFiles.size], [[], [], 0]);
});

/** What carries the route, what else is laid out, and which links are needed then. */
const switches: [string, (tree: SysfsTree) => SysfsTree, string, string[]][] = [
  [
    "a link of Open vSwitch",
    (tree) => tree.link("ovs-system").link("br-ex").link("eth0", { on: PF0, master: "ovs-system" }),
    "br-ex",
    ["br-ex", "eth0"],
  ],
  [
    "a VLAN on a link of Open vSwitch",
    (tree) =>
      tree
        .link("ovs-system")
        .link("br-ex")
        .link("br-ex.7", { kind: "vlan", lowers: ["br-ex"] })
        .link("eth0", { on: PF0, master: "ovs-system" }),
    "br-ex.7",
    ["br-ex", "br-ex.7", "eth0"],
  ],
  [
    "a physical link beside Open vSwitch",
    (tree) =>
      tree
        .link("ovs-system")
        .link("br-int")
        .link("eth0", { on: PF0, master: "ovs-system" })
        .link("eth1", { on: PF1 }),
    "eth1",
    ["eth1"],
  ],
  [
    "a link beside Open vSwitch that only its function tells of",
    (tree) =>
      tree
        .link("ovs-system")
        .link("eth0", { on: PF0, master: "ovs-system" })
        .folder(`${tree.folderOf(PF1)}/net/eth1`),
    "eth1",
    ["eth1"],
  ],
  [
    "a virtual link on a node without Open vSwitch",
    (tree) => tree.link("br0", { kind: "bridge" }).link("dummy0").link("eth0", { on: PF0, master: "br0" }),
    "dummy0",
    ["dummy0"],
  ],
];

for (const [what, layOut, carrier, expected] of switches) {
  test(`where the default route goes by ${what}, the ports below it are known`, async () => {
    using tree = new SysfsTree().pci(PF0, { driver: "ice" }).pci(PF1, { driver: "ice" });
    layOut(tree).file("proc/net/route", routeBy(carrier));
    const { links } = await readLaidOutNode(tree.root);
    const needed = findWayOut(links);
    assert.deepEqual(
      links.filter(({ index }) => needed.has(index)).map(({ name }) => name),
      expected,
    );
  });
}
