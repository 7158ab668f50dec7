import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { diffTrees, type QosOperation } from "../../../src/qos/diff.ts";
import { type LinkIndexes, placeObject, type QosObject } from "../../../src/qos/tree.ts";
import { sendDatagrams } from "./datagrams.ts";

/** Two namespaces joined by a veth pair: a pod with an IFB, and its peer. */
export interface World extends AsyncDisposable {
  readonly kernel: Kernel;
  readonly pod: Namespace;
  readonly peer: Namespace;
  /** Indexes of the pod's links. */
  readonly links: Required<LinkIndexes>;
  /** Sends UDP packets from a namespace: see `sendDatagrams`. */
  send(from: Namespace, address: string, count: number, options?: { port?: number; priority?: number }): void;
}

export const POD_ADDRESS = "10.77.0.1";
export const PEER_ADDRESS = "10.77.0.2";

/** Makes the two namespaces; they end with the world, and with them a kernel that was made for it. */
export async function makeWorld(given?: Kernel): Promise<World> {
  const stack = new AsyncDisposableStack();
  try {
    const kernel = given ?? new Kernel();
    if (given === undefined) stack.defer(() => kernel.stop());
    const pod = stack.use(await kernel.makeNamespace());
    const peer = stack.use(await kernel.makeNamespace());
    // What a link says by itself when it comes up (IPv6) would be counted among what is sent here.
    for (const namespace of [pod, peer]) await namespace.setSysctl("ipv6/conf/default/disable_ipv6", "1");
    await pod.links.create({
      name: "net1",
      of: { kind: "veth", peer: { name: "peer1", namespaceFd: peer.fd } },
    });
    await pod.links.create({ name: "ifb1", of: { kind: "ifb" } });
    const links = { pod: (await pod.links.get("net1")).index, ifb: (await pod.links.get("ifb1")).index };
    const { index: peerLink, mac } = await peer.links.get("peer1");
    for (const index of [links.pod, links.ifb]) await pod.links.set(index, { isUp: true });
    await peer.links.set(peerLink, { isUp: true });
    await pod.addresses.add(links.pod, `${POD_ADDRESS}/24`);
    await peer.addresses.add(peerLink, `${PEER_ADDRESS}/24`);
    // Nothing waits for an answer to ARP: what is sent has been sent, and nothing else is.
    const podMac = (await pod.links.get("net1")).mac ?? "";
    await pod.neighbours.add({ link: links.pod, address: PEER_ADDRESS, mac: mac ?? "" });
    await peer.neighbours.add({ link: peerLink, address: POD_ADDRESS, mac: podMac });
    const held = stack.move();
    return {
      kernel,
      pod,
      peer,
      links,
      send: (...parameters) => sendDatagrams(kernel, ...parameters),
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Makes one tree of the pod into another. */
export async function reshape(
  world: World,
  from: readonly QosObject[],
  to: readonly QosObject[],
): Promise<void> {
  for (const operation of diffTrees(from, to)) await perform(world, operation);
}

async function perform({ pod, links }: World, operation: QosOperation): Promise<void> {
  const placed = placeObject(operation.object, links);
  switch (placed.object) {
    case "qdisc":
      return pod.qdiscs[operation.do](placed.spec);
    case "class":
      return pod.classes[operation.do](placed.spec);
    case "filter":
      return pod.filters[operation.do](placed.spec);
  }
}

/** What a TCP flow brought. */
export interface Flow {
  /** Bits per second on the link: payload with the headers of full frames, from the first byte on. */
  readonly rate: number;
  /** The same over the first second only. */
  readonly firstSecondRate: number;
}

/** Ethernet frame without its check sequence, and the payload in it (IPv4, TCP with time stamps). */
const HEADER_COST = 1514 / 1448;

const FLOW = fileURLToPath(new URL("./flow.ts", import.meta.url));

/** Sends by TCP as fast as it goes and measures at the receiver. */
export async function measureFlow(
  from: Namespace,
  to: Namespace,
  address: string,
  milliseconds = 3000,
): Promise<Flow> {
  const receiver = spawn(
    "nsenter",
    [netOf(to), process.execPath, FLOW, "receive", address, `${milliseconds}`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let sender: ReturnType<typeof spawn> | undefined;
  try {
    const lines = receiver.stdout[Symbol.asyncIterator]();
    const port = String((await lines.next()).value).trim();
    sender = spawn("nsenter", [netOf(from), process.execPath, FLOW, "send", address, port], {
      stdio: "inherit",
    });
    const { bytes, firstSecondBytes } = JSON.parse(String((await lines.next()).value));
    return {
      rate: (bytes * HEADER_COST * 8_000) / milliseconds,
      firstSecondRate: firstSecondBytes * HEADER_COST * 8,
    };
  } finally {
    const children = [receiver, sender].filter((child) => child !== undefined && child.exitCode === null);
    const ends = children.map((child) => child && once(child, "close"));
    for (const child of children) child?.kill("SIGKILL");
    await Promise.all(ends);
  }
}

function netOf(namespace: Namespace): string {
  return `--net=/proc/${process.pid}/fd/${namespace.fd}`;
}
