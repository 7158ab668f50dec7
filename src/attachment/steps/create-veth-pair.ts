import { removeLink } from "../remove-link.ts";
import { refuseTakenName } from "./create-link.ts";
import type { StepHandler } from "./step.ts";

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

export const createVethPair: StepHandler<CreateVethPairStep, null> = {
  kind: "createVethPair",

  async observe({ kernel, pod }, step) {
    await refuseTakenName(pod, step.name);
    await refuseTakenName(kernel.host, step.hostName);
    return null;
  },

  async apply({ kernel, pod, podLinks, hostLinks }, step) {
    const { host } = kernel;
    const [bridge] = await Promise.all([hostLinks.get(step.bridge), host.namespaceIds.ensure(pod.fd)]);
    // Made from the node's side, so that one request sets the port up; the pod's end is the peer.
    await host.links.create({
      name: step.hostName,
      of: {
        kind: "veth",
        peer: { name: step.name, namespaceFd: pod.fd, ...(step.mtu && { mtu: step.mtu }) },
      },
      master: bridge.index,
      isUp: true,
      ...(step.mtu === undefined ? {} : { mtu: step.mtu }),
    });
    if (step.mac === undefined) return;
    await pod.links.set((await podLinks.get(step.name)).index, { mac: step.mac });
    podLinks.forget(step.name);
  },

  async undo({ kernel, pod }, step) {
    // Either end takes the other with it.
    if (pod !== undefined) await removeLink(kernel, pod, step.name);
    await removeLink(kernel, kernel.host, step.hostName);
  },

  brings: (step) => step.name,
};
