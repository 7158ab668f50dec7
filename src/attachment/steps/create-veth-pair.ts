import { removeLink } from "../remove-link.ts";
import { refuseTakenName } from "./create-link.ts";
import type { ActionHandler } from "./step.ts";

/** A veth pair: one end in the pod, the other on the node as a port of a bridge. */
export interface CreateVethPairStep {
  readonly kind: "createVethPair";
  /** The pod's end. */
  readonly name: string;
  /** The node's end. */
  readonly hostName: string;
  /** Name of the node's bridge. */
  readonly bridge: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

export const createVethPair: ActionHandler<CreateVethPairStep, null> = {
  kind: "createVethPair",

  async observe({ podLinks, hostLinks }, step) {
    await refuseTakenName(podLinks, step.name);
    await refuseTakenName(hostLinks, step.hostName);
    return null;
  },

  async apply({ kernel, pod, podLinks, hostLinks }, step) {
    const { host } = kernel;
    const bridge = await hostLinks.get(step.bridge);
    const mtu = step.mtu === undefined ? {} : { mtu: step.mtu };
    const [, , link] = await kernel.perform([
      host.namespaceIds.prepareEnsure(pod.fd),
      // Made from the node's side, so that one request sets the port up; the pod's end is the peer.
      host.links.prepareCreate({
        name: step.hostName,
        of: { kind: "veth", peer: { name: step.name, namespaceFd: pod.fd, ...mtu } },
        master: bridge.index,
        isUp: true,
        ...mtu,
      }),
      pod.links.prepareFind(step.name),
    ]);
    podLinks.learn(step.name, link);
    if (step.mac === undefined) return;
    await pod.links.set((await podLinks.get(step.name)).index, { mac: step.mac });
    podLinks.forget(step.name);
  },

  async undo({ kernel }, step) {
    // By the node's end, whose name is ours alone; it takes the pod's end with it.
    await removeLink(kernel, kernel.host, step.hostName);
  },

  brings: (step) => step.name,
};
