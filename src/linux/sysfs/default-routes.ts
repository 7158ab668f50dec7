import { join } from "node:path";
import { readText } from "./files.ts";

/** Flags of a route (include/uapi/linux/route.h). */
const RTF_UP = 0x0001;
/** It says that there is no way (unreachable, prohibit). */
const RTF_REJECT = 0x0200;

/**
 * Names of the links by which a default route of IPv4 or IPv6 leaves, without netlink. `root` is `/`, or a folder that
 * stands for it. Routes of the main table alone are in these files, and of several next hops of IPv4 the first.
 */
export async function readDefaultRouteLinks(root: string): Promise<ReadonlySet<string>> {
  const [ipv4, ipv6] = await Promise.all([
    readText(join(root, "proc/net/route")),
    readText(join(root, "proc/net/ipv6_route")),
  ]);
  return new Set([...defaultsOfIpv4(ipv4 ?? ""), ...defaultsOfIpv6(ipv6 ?? "")]);
}

/** Columns: link, destination, gateway, flags, three numbers, mask, ... (fib_route_seq_show, net/ipv4/fib_trie.c). */
function defaultsOfIpv4(table: string): string[] {
  return rowsOf(table).flatMap(([link, destination, , flags, , , , mask]) => {
    const isDefault = destination === "00000000" && mask === "00000000";
    const bits = Number.parseInt(flags ?? "", 16);
    return link !== undefined && isDefault && (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0
      ? [link]
      : [];
  });
}

/**
 * Columns: destination, its length, source, its length, next hop, metric, two counters, flags, link
 * (ipv6_route_native_seq_show, net/ipv6/route.c). The kernel keeps a rejecting default route on `lo`.
 */
function defaultsOfIpv6(table: string): string[] {
  return rowsOf(table).flatMap((row) => {
    const [destination, length, , , , , , , flags, link] = row;
    const isDefault = destination === "0".repeat(32) && length === "00";
    const bits = Number.parseInt(flags ?? "", 16);
    return link !== undefined && link !== "lo" && isDefault && (bits & RTF_REJECT) === 0 ? [link] : [];
  });
}

function rowsOf(table: string): string[][] {
  return table.split("\n").map((line) => line.trim().split(/\s+/));
}
