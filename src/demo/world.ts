import { existsSync } from "node:fs";
import { Kernel } from "../linux/kernel.ts";
import type { Namespace } from "../linux/namespace.ts";
import { type StartedPause, startPause } from "../standalone/pause.ts";
import { projectFile } from "./places.ts";

/** Addresses of the fabric's bridge: the gateways of the pods' subnets. */
export const GATEWAYS = ["10.77.1.1/24", "10.77.2.1/24", "10.77.3.1/24"] as const;
/** Addresses behind the fabric that a pod reaches only by a route. */
export const FAR_ADDRESSES = { fast: "10.99.0.1", shared: "10.98.0.1" } as const;

/** Links of the node that are up and shared. */
export const UPLINKS = ["uplink0", "uplink1"] as const;
/** Links of the node that are spare: down until a pod gets them. */
export const NICS = ["nic0", "nic1", "nic2", "nic3"] as const;

const BRIDGE = "br0";

/**
 * A fabric (this process' own network namespace, with a bridge) and a node (another one), joined by pairs of
 * virtual links.
 */
export interface World {
  readonly kernel: Kernel;
  /** Path of the node's network namespace. */
  readonly nodePath: string;
  /** Bytes. */
  readonly mtu: number;
  stop(): Promise<void>;
}

/** Builds the world in the network namespace this process runs in, which must be empty. */
export async function buildWorld(): Promise<World> {
  const kernel = new Kernel();
  let node: StartedPause | undefined;
  const stop = async () => {
    await node?.kill();
    await kernel.stop();
  };
  try {
    await quieten(kernel.host);
    await buildFabric(kernel.host);
    node = await startPause(projectFile("native/build/pause"), "lanyard demo: the node", "/proc");
    const nodePath = `/proc/${node.pid}/ns/net`;
    await joinNode(kernel, nodePath);
    const { mtu } = await kernel.host.links.get(BRIDGE);
    return { kernel, nodePath, mtu, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Readies a pod for being measured. IPv6 would add packets of its own to the counters. All subnets of the
 * fabric share one wire, and Linux answers ARP for any of its addresses on any interface: an answer from the
 * wrong one would lead traffic past the interface that is measured (arp_ignore, ip-sysctl.rst).
 */
export async function readyPod(kernel: Kernel, namespacePath: string): Promise<void> {
  await using pod = await kernel.namespace(namespacePath);
  await quieten(pod);
  await pod.setSysctl("ipv4/conf/all/arp_ignore", "1");
  await pod.setSysctl("ipv4/conf/all/arp_announce", "2");
}

async function buildFabric(fabric: Namespace): Promise<void> {
  const loopback = await fabric.links.get("lo");
  await fabric.links.set(loopback.index, { isUp: true });
  for (const address of Object.values(FAR_ADDRESSES)) {
    await fabric.addresses.add(loopback.index, `${address}/32`);
  }
  await fabric.links.create({ name: BRIDGE, of: { kind: "bridge" }, isUp: true });
  const bridge = await fabric.links.get(BRIDGE);
  for (const address of GATEWAYS) await fabric.addresses.add(bridge.index, address);
}

async function joinNode(kernel: Kernel, nodePath: string): Promise<void> {
  await using node = await kernel.namespace(nodePath);
  await quieten(node);
  const { index: master } = await kernel.host.links.get(BRIDGE);
  for (const name of [...UPLINKS, ...NICS]) {
    const peer = { name, namespaceFd: node.fd };
    await kernel.host.links.create({ name: `f-${name}`, of: { kind: "veth", peer }, master, isUp: true });
  }
  for (const name of UPLINKS) {
    const { index } = await node.links.get(name);
    await node.links.set(index, { isUp: true });
  }
}

/** Without IPv6 a link sends nothing by itself. */
async function quieten(namespace: Namespace): Promise<void> {
  if (!existsSync("/proc/sys/net/ipv6")) return;
  await namespace.setSysctl("ipv6/conf/all/disable_ipv6", "1");
  await namespace.setSysctl("ipv6/conf/default/disable_ipv6", "1");
}
