import assert from "node:assert/strict";
import test from "node:test";
import { readDefaultRouteLinks } from "../../../../src/linux/sysfs/default-routes.ts";
import { SysfsTree } from "../../sysfs-tree.ts";

const IPV4_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const NONE = "0".repeat(32);
const GATEWAY = "fe800000000000000000000000000001";

/** A row of /proc/net/ipv6_route. */
function ipv6(destination: string, length: string, flags: string, link: string): string {
  return `${destination} ${length} ${NONE} 00 ${GATEWAY} 00000400 00000001 00000000 ${flags} ${link.padStart(8)}`;
}

test("links of default routes of both families are told", async () => {
  using tree = new SysfsTree()
    .file(
      "proc/net/route",
      [
        IPV4_HEAD,
        "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
        "eth1\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
        // 0.0.0.0/1 is half of all, and no default route; nor is one that is not up, or that rejects.
        "eth2\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0",
        "eth3\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0",
        "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0",
      ].join("\n"),
    )
    .file(
      "proc/net/ipv6_route",
      [
        ipv6(NONE, "00", "00450003", "bond0"),
        ipv6(NONE, "00", "00200200", "lo"),
        ipv6(NONE, "00", "00000001", "lo"),
        ipv6(NONE, "00", "00200200", "eth4"),
        ipv6(NONE, "01", "00450003", "eth5"),
        ipv6(`20${NONE.slice(2)}`, "00", "00450003", "eth6"),
      ].join("\n"),
    );
  assert.deepEqual([...(await readDefaultRouteLinks(tree.root))].sort(), ["bond0", "eth0"]);
});

test("without the files, or with garbage in them, no link has a default route", async () => {
  using empty = new SysfsTree();
  assert.deepEqual(await readDefaultRouteLinks(empty.root), new Set());
  using garbage = new SysfsTree()
    .file("proc/net/route", "eth0 00000000\n\n\u0000")
    .file("proc/net/ipv6_route", `${NONE} 00`);
  assert.deepEqual(await readDefaultRouteLinks(garbage.root), new Set());
});

test("this machine's own routes are read", async () => {
  await readDefaultRouteLinks("/");
});
