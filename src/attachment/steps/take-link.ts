import type { Kernel } from "../../linux/kernel.ts";
import type { Link } from "../../linux/route/link.ts";
import type { Route } from "../../linux/route/route.ts";
import { LanyardError } from "../../model/errors.ts";
import { refuseTakenName } from "./create-link.ts";
import type { ActionHandler } from "./step.ts";

/** A link of the node is moved into the pod, with a new name. */
export interface TakeLinkStep {
  readonly kind: "takeLink";
  /** Its name on the node, which it gets back. */
  readonly link: string;
  /** Its name in the pod. */
  readonly name: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

/** What the link was like on the node. */
export interface TakenLink {
  readonly mac: string;
  readonly permanentMac?: string;
  /** Bytes. */
  readonly mtu: number;
  readonly isUp: boolean;
  /** Bytes. */
  readonly gsoMaxSize: number;
  /** Not made by software: the kernel sends it home when the pod's namespace ends, a little later. */
  readonly isPhysical: boolean;
}

/** How long a physical link may be on its way home from a namespace that ended, in milliseconds. */
const HOMECOMING_MS = 2000;

/** IP addresses the link had on the node do not come back with it: a pool's links are meant to be spare. */
export const takeLink: ActionHandler<TakeLinkStep, TakenLink> = {
  kind: "takeLink",

  async observe({ kernel, podLinks, hostLinks }, step) {
    const link = await hostLinks.get(step.link);
    const { routes } = await kernel.host.routes.list({ link: link.index, type: "unicast" });
    const why = whyNotSpare(link, routes);
    if (why !== undefined) {
      throw new LanyardError(
        "conflict",
        `link "${step.link}" of the node ${why} and cannot be moved into a pod`,
      );
    }
    await refuseTakenName(podLinks, step.name);
    return {
      mac: link.mac,
      ...(link.permanentMac === undefined ? {} : { permanentMac: link.permanentMac }),
      mtu: link.mtu,
      isUp: link.isUp,
      gsoMaxSize: link.gsoMaxSize,
      isPhysical: link.kind === undefined,
    };
  },

  async apply({ kernel, pod, podLinks, hostLinks }, step) {
    const { index } = await hostLinks.get(step.link);
    hostLinks.forget(step.link);
    const [, link] = await kernel.perform([
      kernel.host.links.prepareSet(index, {
        namespaceFd: pod.fd,
        name: step.name,
        ...(step.mtu === undefined ? {} : { mtu: step.mtu }),
        ...(step.mac === undefined ? {} : { mac: step.mac }),
      }),
      pod.links.prepareFind(step.name),
    ]);
    podLinks.learn(step.name, link);
  },

  async undo({ kernel, pod }, step, before) {
    const { host } = kernel;
    const isOurs = (link: Link) => isTaken(link, step, before);
    const { mac, mtu, gsoMaxSize } = before;
    const home = { mac, mtu, gsoMaxSize, gsoIpv4MaxSize: gsoMaxSize };
    // By its address, because the pod may have renamed it, and may have made another of the name it had.
    const inPod = (await pod?.links.list())?.links.find(isOurs);
    if (pod !== undefined && inPod !== undefined) {
      await pod.links.set(inPod.index, { namespaceFd: host.fd, name: step.link, isUp: false, ...home });
    }
    // It may be on its old place under its old name, or have come home under another with the end of the
    // namespace, or (a virtual link) have ended with it.
    const link = (await host.links.find(step.link)) ?? (await findAtHome(kernel, isOurs, before.isPhysical));
    if (link === undefined && !before.isPhysical) return;
    if (link === undefined) {
      const text = `link "${step.link}" has not come home from the pod yet; it is looked for again`;
      throw new LanyardError("unavailable", text);
    }
    if (link.name !== step.link) await host.links.set(link.index, { isUp: false, name: step.link });
    await host.links.set(link.index, { ...home, isUp: before.isUp });
  },

  brings: (step) => step.name,
};

function whyNotSpare(link: Link, routes: readonly Route[]): string | undefined {
  if (link.isLoopback) return "is the loopback";
  if (link.master !== undefined) return "belongs to a bridge or bond";
  const isWayOut = routes.some(({ destination }) => destination.endsWith("/0"));
  return isWayOut ? "carries the node's default route" : undefined;
}

function isTaken(link: Link, step: TakeLinkStep, before: TakenLink): boolean {
  // Links stacked on another share its address, and are never what was taken.
  if (before.isPhysical !== (link.kind === undefined)) return false;
  if (before.permanentMac !== undefined) return link.permanentMac === before.permanentMac;
  return link.mac === before.mac || link.mac === step.mac;
}

/** Looks among the node's links, and waits for a physical one that is still on its way. */
async function findAtHome(
  kernel: Kernel,
  isOurs: (link: Link) => boolean,
  isPhysical: boolean,
): Promise<Link | undefined> {
  const arrival = Promise.withResolvers<Link | undefined>();
  const unsubscribe = kernel.linkEvents.onChange(
    ({ change, link, namespaceId }) => {
      if (change === "present" && namespaceId === undefined && isOurs(link)) arrival.resolve(link);
    },
    () => {},
  );
  const timer = setTimeout(() => arrival.resolve(undefined), HOMECOMING_MS);
  try {
    const found = (await kernel.host.links.list()).links.find(isOurs);
    return found !== undefined || !isPhysical ? found : await arrival.promise;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
