import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The bridge that Debian's plugin makes at the first pod, and leaves. */
export const BRIDGE = "cni-test0";

/** The cluster's own network. */
export const BRIDGE_NETWORK = {
  cniVersion: "1.0.0",
  name: "cluster",
  plugins: [
    {
      type: "bridge",
      bridge: BRIDGE,
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
  ],
};

/** Names of the links of a namespace, sorted; those of the node where no path is given. */
export function linksOf(namespacePath?: string): string[] {
  const enter = namespacePath === undefined ? [] : ["nsenter", `--net=${namespacePath}`];
  const [program = "ip", ...rest] = [...enter, "ip", "-json", "link"];
  const links = JSON.parse(execFileSync(program, rest, { encoding: "utf8" })) as { ifname: string }[];
  return links.map(({ ifname }) => ifname).sort();
}

/** Waits until the node has exactly these links: the kernel takes those of a namespace down after it is gone. */
export async function waitForLinks(wanted: readonly string[], patience = 10_000): Promise<void> {
  const deadline = performance.now() + patience;
  for (;;) {
    const links = linksOf();
    if (links.join() === wanted.join()) return;
    if (performance.now() > deadline) {
      throw new Error(`the node has the links ${links.join(", ")}; expected ${wanted.join(", ")}`);
    }
    await sleep(20);
  }
}

/** Addresses that host-local has given away in a network. */
export function leasesIn(network = "cluster"): string[] {
  const folder = `/var/lib/cni/networks/${network}`;
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+\.|:/.test(name)) : [];
}

export function removeBridge(): void {
  spawnSync("ip", ["link", "delete", BRIDGE], { stdio: "ignore" });
}
