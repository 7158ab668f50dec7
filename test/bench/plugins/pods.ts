import type { Kernel } from "../../../src/linux/kernel.ts";
import { Pod } from "../../kernel/world.ts";

/** The node's link that every macvlan stands on. */
export const UPLINK = "bench-up";

/** A pod that is attached and detached once, by one side. */
export interface BenchPod {
  /** Not used before: the runtime's id of its sandbox, and the name of the pod. */
  readonly id: string;
  readonly namespacePath: string;
  /** One for each interface: its name and its address in CIDR form. */
  readonly interfaces: readonly { readonly name: string; readonly address: string }[];
}

/** Somebody who gives pods macvlans with static addresses. Gives the milliseconds from the first fork to the last end. */
export interface Side {
  /** Program and version. */
  readonly name: string;
  add(pod: BenchPod): Promise<number>;
  delete(pod: BenchPod): Promise<number>;
}

/** Pods with interfaces `net1` and on, whose namespaces end with the stack. */
export async function startPods(
  stack: AsyncDisposableStack,
  prefix: string,
  count: number,
  interfaces: number,
): Promise<BenchPod[]> {
  const pods: BenchPod[] = [];
  for (let pod = 0; pod < count; pod++) {
    const { namespacePath } = stack.use(await Pod.start());
    pods.push({
      id: `${prefix}-${pod}`,
      namespacePath,
      interfaces: Array.from({ length: interfaces }, (_, index) => ({
        name: `net${index + 1}`,
        address: `10.${90 + index}.${pod >> 7}.${(pod & 127) + 1}/16`,
      })),
    });
  }
  return pods;
}

/** Throws unless the pod has every interface: a macvlan over the uplink, up, with exactly its IPv4 address. */
export async function expectAttached(kernel: Kernel, pod: BenchPod, side: string): Promise<void> {
  await using namespace = await kernel.namespace(pod.namespacePath);
  const uplink = await kernel.host.links.get(UPLINK);
  for (const { name, address } of pod.interfaces) {
    const link = await namespace.links.find(name);
    const { addresses } =
      link === undefined
        ? { addresses: [] }
        : await namespace.addresses.list({ link: link.index, family: "ipv4" });
    const found = addresses.map((each) => each.address).join(", ");
    if (link?.kind === "macvlan" && link.parent === uplink.index && link.isUp && found === address) continue;
    const what =
      link === undefined
        ? "no such link"
        : `a ${link.kind} over link ${link.parent}, ${link.isUp ? "up" : "down"}, with ${found || "no address"}`;
    throw new Error(
      `${side} said that ${pod.id} is attached; expected ${name} to be a macvlan over link ${uplink.index}, up, with ` +
        `${address}; there is ${what}`,
    );
  }
}

/** Throws when the pod still has an interface besides its loopback. */
export async function expectDetached(kernel: Kernel, pod: BenchPod, side: string): Promise<void> {
  await using namespace = await kernel.namespace(pod.namespacePath);
  const { links } = await namespace.links.list();
  const left = links.filter(({ isLoopback }) => !isLoopback).map(({ name }) => name);
  if (left.length > 0)
    throw new Error(`${side} said that ${pod.id} is detached, but it has ${left.join(", ")}`);
}

/** A link for the macvlans to stand on: one end of a veth pair, both ends up so that it has a carrier. */
export async function makeUplink({ host }: Kernel, stack: AsyncDisposableStack): Promise<void> {
  const peer = `${UPLINK}-peer`;
  await host.links.create({ name: UPLINK, of: { kind: "veth", peer: { name: peer } }, isUp: true });
  stack.defer(async () => await host.links.delete((await host.links.get(UPLINK)).index));
  await host.links.set((await host.links.get(peer)).index, { isUp: true });
}
