import type { Namespace } from "../../linux/namespace.ts";
import type { Link } from "../../linux/route/link.ts";
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
  /** Bytes. */
  readonly mtu: number;
  readonly isUp: boolean;
  /** Bytes. */
  readonly gsoMaxSize: number;
}

export const takeLink: ActionHandler<TakeLinkStep, TakenLink> = {
  kind: "takeLink",

  async observe({ podLinks, hostLinks }, step) {
    const link = await hostLinks.get(step.link);
    if (link.isLoopback || link.master !== undefined) {
      const why = link.isLoopback ? "is the loopback" : "belongs to a bridge or bond";
      throw new LanyardError(
        "conflict",
        `link "${step.link}" of the node ${why} and cannot be moved into a pod`,
      );
    }
    await refuseTakenName(podLinks, step.name);
    return { mac: link.mac, mtu: link.mtu, isUp: link.isUp, gsoMaxSize: link.gsoMaxSize };
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
    const inPod = await pod?.links.find(step.name);
    const home = { mac: before.mac, mtu: before.mtu, gsoMaxSize: before.gsoMaxSize };
    if (pod !== undefined && inPod !== undefined) {
      await pod.links.set(inPod.index, { namespaceFd: host.fd, name: step.link, isUp: false, ...home });
    }
    // It may be on its old place under its old name, or have come home under its pod's name with the end of
    // the namespace, or (a virtual link) have ended with it.
    const link = await findAtHome(host, step, before);
    if (link === undefined) return;
    if (link.name !== step.link) await host.links.set(link.index, { isUp: false, name: step.link });
    await host.links.set(link.index, { ...home, isUp: before.isUp });
  },

  brings: (step) => step.name,
};

async function findAtHome(host: Namespace, step: TakeLinkStep, before: TakenLink): Promise<Link | undefined> {
  const named = await host.links.find(step.link);
  if (named !== undefined) return named;
  const { links } = await host.links.list();
  const addresses = [before.mac, step.mac].filter((mac) => mac !== undefined);
  return links.find((link) => {
    const isSame = link.permanentMac === before.mac || addresses.includes(link.mac);
    // Links stacked on another share its address and are never what was taken.
    return isSame && link.parent === undefined && link.kind === undefined;
  });
}
