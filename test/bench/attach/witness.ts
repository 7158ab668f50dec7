import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kernel } from "../../../src/linux/kernel.ts";
import { type BenchPod, INTERFACE, UPLINK } from "./side.ts";

/** How long the last request for a pod that is detached may still be under way, in milliseconds. */
const PATIENCE_MS = 5000;

/** Throws unless the pod has the interface: a macvlan over the uplink, up, with exactly its IPv4 address. */
export async function expectAttached(kernel: Kernel, pod: BenchPod, side: string): Promise<void> {
  await using namespace = await kernel.namespace(pod.sandbox.namespacePath);
  const uplink = await kernel.host.links.get(UPLINK);
  const link = await namespace.links.find(INTERFACE);
  const { addresses } =
    link === undefined
      ? { addresses: [] }
      : await namespace.addresses.list({ link: link.index, family: "ipv4" });
  const ours = addresses.map(({ address }) => address);
  const isWhole = link?.kind === "macvlan" && link.parent === uplink.index && link.isUp;
  if (isWhole && ours.length === 1 && ours[0] === pod.address) return;
  const found =
    link === undefined
      ? "no such link"
      : `a ${link.kind} over link ${link.parent}, ${link.isUp ? "up" : "down"}, with ${ours.join(", ") || "no address"}`;
  throw new Error(
    `${side} said that ${pod.name} is attached; expected ${INTERFACE} to be a macvlan over link ${uplink.index}, ` +
      `up, with ${pod.address}; there is ${found}`,
  );
}

/**
 * Throws when the pod still has the interface. Then waits until this process holds the pod's namespace no more:
 * the kernel acknowledges a deletion some time after the link is gone, and whoever is measured next shall not
 * feel that.
 */
export async function expectDetached(kernel: Kernel, pod: BenchPod, side: string): Promise<void> {
  {
    await using namespace = await kernel.namespace(pod.sandbox.namespacePath);
    if ((await namespace.links.find(INTERFACE)) !== undefined) {
      throw new Error(`${side} said that ${pod.name} is detached, but ${INTERFACE} is still there`);
    }
  }
  const deadline = performance.now() + PATIENCE_MS;
  const identity = readlinkSync(pod.sandbox.namespacePath);
  while (isHeld(identity)) {
    if (performance.now() > deadline) {
      throw new Error(`${side}: the network namespace of ${pod.name} is still open ${PATIENCE_MS} ms later`);
    }
    await sleep(1);
  }
}

function isHeld(identity: string): boolean {
  return readdirSync("/proc/self/fd").some((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === identity;
    } catch {
      // The descriptor of the listing itself is closed by now.
      return false;
    }
  });
}
