import { EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH } from "../../linux/errno.ts";
import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { LinkAddress } from "../../linux/route/address.ts";
import { waitUntilUsable } from "../../linux/usable-addresses.ts";
import { isIpv6 } from "../../model/address.ts";
import { LanyardError } from "../../model/errors.ts";
import type { ActionHandler } from "./step.ts";

/** The result is not given before the link and its addresses can be used. */
export interface AwaitUsableStep {
  readonly kind: "awaitUsable";
  readonly link: string;
  /** CIDR form. */
  readonly addresses: readonly string[];
  /** Whether the link is hardware, whose carrier comes a moment after it is set up. */
  readonly waitsForCarrier: boolean;
}

/** How long a carrier is waited for, in milliseconds: a cable may be out, and the pod may start all the same. */
const CARRIER_MS = 200;

/** How long delivery may take that the kernel begins at once, and how often to look where nothing is heard. */
const DELIVERY_MS = 5000;
const LOOK_AGAIN_MS = 20;

export const awaitUsable: ActionHandler<AwaitUsableStep, null> = {
  kind: "awaitUsable",

  async apply({ kernel, pod, podLinks }, step) {
    const { index, mac } = await podLinks.get(step.link);
    const carrier = await awaitCarrier(kernel, pod, index, step.waitsForCarrier ? CARRIER_MS : 0);
    // The kernel's announcements went out when the link was set up, and were lost.
    if (carrier === "came" && step.addresses.length > 0)
      await pod.packets.announce(index, step.addresses, mac);
    // Without a carrier duplicates are not looked for before there is one.
    if (carrier === "none") return;
    const addresses = step.addresses.filter(isIpv6);
    const undecided = await undecidedOf(kernel, pod, index, addresses);
    if (undecided.length > 0)
      await waitUntilUsable(kernel, { namespace: pod, link: index, addresses: undecided });
    await awaitDelivery(kernel, pod, index, addresses);
  },

  async undo() {},
};

/** Whether the link has a carrier at once, gets one in so many milliseconds, or has none. */
async function awaitCarrier(
  kernel: Kernel,
  pod: Namespace,
  index: number,
  patience: number,
): Promise<"there" | "came" | "none"> {
  const id = await kernel.host.namespaceIds.ensure(pod.fd);
  const arrival = Promise.withResolvers<"came" | "none">();
  // Begun before the look, so that nothing is missed that is announced meanwhile.
  const unsubscribe = kernel.linkEvents.onChange(
    ({ link, namespaceId }) => {
      if (link.index === index && namespaceId === id && link.hasCarrier) arrival.resolve("came");
    },
    () => {},
  );
  try {
    if ((await pod.links.get(index)).hasCarrier) return "there";
    const timer = setTimeout(() => arrival.resolve("none"), patience);
    const outcome = await arrival.promise;
    clearTimeout(timer);
    return outcome;
  } finally {
    unsubscribe();
  }
}

/** Addresses that nobody can use yet, or that another host has. */
async function undecidedOf(
  kernel: Kernel,
  pod: Namespace,
  link: number,
  addresses: readonly string[],
): Promise<string[]> {
  const found = await kernel.perform(addresses.map((address) => pod.addresses.prepareFind(link, address)));
  return addresses.filter((_, position) => !isUsable(found[position]));
}

function isUsable(address: LinkAddress | undefined): boolean {
  if (address === undefined || address.flags.includes("dadfailed")) return false;
  return !address.flags.includes("tentative") || address.flags.includes("optimistic");
}

/**
 * Waits until packets to these addresses are delivered. The kernel makes the routes for that a moment after the link is up,
 * in a thread of its own (addrconf_dad_begin, net/ipv6/addrconf.c), and announces the address then.
 */
async function awaitDelivery(
  kernel: Kernel,
  pod: Namespace,
  link: number,
  addresses: readonly string[],
): Promise<void> {
  const id = await kernel.host.namespaceIds.ensure(pod.fd);
  let wake = () => {};
  const unsubscribe = kernel.addressEvents.onChange(
    ({ address, namespaceId }) => {
      if (address.link === link && namespaceId === id) wake();
    },
    () => wake(),
  );
  const deadline = performance.now() + DELIVERY_MS;
  try {
    for (const address of addresses) {
      for (;;) {
        // Begun before the look, so that nothing is missed that is announced meanwhile.
        const announced = Promise.withResolvers<void>();
        wake = announced.resolve;
        if (await isDelivered(pod, address)) break;
        if (performance.now() > deadline)
          throw new LanyardError(
            "timeout",
            `${pod.name} takes no packets to ${address} after ${DELIVERY_MS} ms`,
          );
        const timer = setTimeout(announced.resolve, LOOK_AGAIN_MS);
        await announced.promise;
        clearTimeout(timer);
      }
    }
  } finally {
    unsubscribe();
  }
}

async function isDelivered(pod: Namespace, address: string): Promise<boolean> {
  try {
    return (await pod.routes.get(address.slice(0, address.indexOf("/")))).type === "local";
  } catch (error) {
    if (isErrno(error, ENETUNREACH, EACCES, EHOSTUNREACH, EINVAL)) return false;
    throw error;
  }
}
