import assert from "node:assert/strict";
import test from "node:test";
import type { NodeLink } from "../../../src/inventory/link.ts";
import { findWayOut } from "../../../src/inventory/way-out.ts";
import { link } from "./samples.ts";

const route = { hasDefaultRoute: true };
const eth0 = link("eth0");
const eth1 = link("eth1");
const spare = link("spare", { isUp: false });
const bond0 = link("bond0", { kind: "bond" });
const port0 = { ...eth0, master: bond0.index };
const port1 = { ...eth1, master: bond0.index };
const datapath = link("ovs-system", { kind: "openvswitch" });

/** What the node's links are, and the names of those that it needs. */
const cases: [string, NodeLink[], string[]][] = [
  ["no default route: nothing", [eth0, port1, bond0], []],
  ["a default route by a physical link: that link", [{ ...eth0, ...route }, eth1], ["eth0"]],
  [
    "default routes by two links (IPv4 and IPv6): both",
    [{ ...eth0, ...route }, { ...eth1, ...route }, spare],
    ["eth0", "eth1"],
  ],
  [
    "one over a VLAN: the VLAN and its parent",
    [eth0, eth1, link("vlan7", { lowers: [eth0.index], ...route })],
    ["eth0", "vlan7"],
  ],
  [
    "one over a bond: the bond and its ports",
    [port0, port1, spare, { ...bond0, ...route }],
    ["bond0", "eth0", "eth1"],
  ],
  [
    "one over a bridge: the bridge and its ports",
    [{ ...eth0, master: 900 }, eth1, link("br0", { kind: "bridge", index: 900, ...route })],
    ["br0", "eth0"],
  ],
  [
    "one over a VLAN on a bond: down to the bond's ports",
    [port0, port1, spare, bond0, link("bond0.10", { kind: "vlan", lowers: [bond0.index], ...route })],
    ["bond0", "bond0.10", "eth0", "eth1"],
  ],
  [
    "one over a bridge with a bond under it: down to the bond's ports",
    [port0, port1, { ...bond0, master: 901 }, link("br0", { kind: "bridge", index: 901, ...route })],
    ["bond0", "br0", "eth0", "eth1"],
  ],
  [
    "one over a link of Open vSwitch: every port of its datapath",
    [{ ...eth0, master: datapath.index }, eth1, datapath, link("br-ex", { kind: "openvswitch", ...route })],
    ["br-ex", "eth0"],
  ],
  [
    "one over a bond that is a port of Open vSwitch: down to the bond's ports",
    [
      port0,
      port1,
      spare,
      { ...bond0, master: datapath.index },
      datapath,
      link("br-ex", { kind: "openvswitch", ...route }),
    ],
    ["bond0", "br-ex", "eth0", "eth1"],
  ],
  [
    "Open vSwitch without the route: none of its ports",
    [
      { ...eth0, master: datapath.index },
      datapath,
      link("br-int", { kind: "openvswitch" }),
      { ...eth1, ...route },
    ],
    ["eth1"],
  ],
  [
    "links over the one with the route are not needed",
    [{ ...eth0, ...route }, link("macvlan0", { lowers: [eth0.index] })],
    ["eth0"],
  ],
  [
    "links that stand on each other in a circle, which ends",
    [link("a", { index: 910, lowers: [911], ...route }), link("b", { index: 911, lowers: [910] })],
    ["a", "b"],
  ],
  ["a lower link that is not on the node", [link("vlan7", { lowers: [999], ...route })], ["vlan7"]],
];

for (const [what, links, expected] of cases) {
  test(`what the node reaches the world by, with ${what}`, () => {
    const needed = findWayOut(links);
    const names = links.filter(({ index }) => needed.has(index)).map(({ name }) => name);
    assert.deepEqual(names.sort(), expected);
    assert.equal(needed.size, expected.length);
  });
}

test("each link says why it is needed, one by what is directly over it", () => {
  const vlan = link("bond0.10", { kind: "vlan", lowers: [bond0.index], ...route });
  const needed = findWayOut([port0, bond0, vlan]);
  assert.equal(needed.get(vlan.index), "it carries the node's default route");
  assert.equal(needed.get(bond0.index), "it lies under bond0.10, by which the node's default route goes");
  assert.equal(needed.get(port0.index), "it lies under bond0, by which the node's default route goes");
});
