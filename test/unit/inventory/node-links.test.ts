import assert from "node:assert/strict";
import test from "node:test";
import { NodeLinkFinder } from "../../../src/inventory/node-links.ts";
import { SysfsTree } from "../sysfs-tree.ts";
import { link, node } from "./samples.ts";

const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const route = (name: string) => `${name}\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0`;

test("the node's default route leaves by the link that the kernel chooses first, which is IPv4's", async () => {
  const v6 = `${"0".repeat(32)} 00 ${"0".repeat(32)} 00 ${"0".repeat(32)} 00000400 00000001 00000000 00000003 eth6`;
  using tree = new SysfsTree().file("proc/net/route", `${head}\n${route("eth1")}\n${route("eth0")}`);
  tree.file("proc/net/ipv6_route", v6);
  const finder = new NodeLinkFinder({ reading: node() }, tree.root);
  assert.equal(await finder.defaultLink(), "eth1");
  tree.file("proc/net/route", head);
  assert.equal(await finder.defaultLink(), "eth6");
  tree.file("proc/net/ipv6_route", "");
  assert.equal(await finder.defaultLink(), undefined);
});

test("a link is found by its address, before those that stand on it with the same", () => {
  const mac = "02:00:00:00:00:07";
  const links = [link("eth7.5", { mac, kind: "vlan" }), link("eth7", { mac }), link("eth8")];
  const finder = new NodeLinkFinder({ reading: node({ links }) }, "/");
  assert.equal(finder.linkWithMac(mac), "eth7");
  assert.equal(finder.linkWithMac("02:00:00:00:00:09"), undefined);
});

test("a link is found by its device's place in sysfs while it is on the node", async () => {
  using tree = new SysfsTree().file("sys/devices/pci0000:00/0000:00:19.0/net/eth7/ifindex", "7");
  const finder = new NodeLinkFinder({ reading: node() }, tree.root);
  assert.equal(await finder.linkOfDevice("/sys/devices/pci0000:00/0000:00:19.0"), "eth7");
  assert.equal(await finder.linkOfDevice("/sys/devices/pci0000:00/0000:00:20.0"), undefined);
});
