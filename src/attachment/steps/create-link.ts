import type { LinkKindSpec } from "../../linux/route/kinds/kinds.ts";
import { LanyardError } from "../../model/errors.ts";
import { differenceOf } from "../difference.ts";
import type { LinkLookup } from "../link/lookup.ts";
import { removeLink } from "../link/remove.ts";
import type { PreparedHandler } from "./step.ts";

/** A virtual link is made in the pod's namespace. */
export interface CreateLinkStep {
  readonly kind: "createLink";
  readonly name: string;
  /** The index it gets: chosen beforehand, so that what is set on it need not wait for the kernel's answer. */
  readonly index: number;
  readonly of: Exclude<LinkKindSpec, { kind: "veth" }>;
  /** Name of the link it stands on, the node's or the pod's. */
  readonly parent: string;
  readonly isParentInPod?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

export const createLink: PreparedHandler<CreateLinkStep, null> = {
  kind: "createLink",

  async observe({ podLinks }, step) {
    await refuseTakenName(podLinks, step.name);
    return null;
  },

  async prepare({ kernel, pod, podLinks, hostLinks }, step, link) {
    const { host } = kernel;
    const isInPod = step.isParentInPod === true;
    const parent = await (isInPod ? podLinks : hostLinks).get(step.parent);
    // The parent's index counts where the request is made.
    const place = isInPod ? { at: pod, to: {} } : { at: host, to: { namespaceFd: pod.fd } };
    const created = pod.links.prepareFind(link);
    return [
      place.at.links.prepareCreate({
        name: step.name,
        index: link,
        of: step.of,
        parent: parent.index,
        ...place.to,
        ...(step.mtu === undefined ? {} : { mtu: step.mtu }),
        ...(step.mac === undefined ? {} : { mac: step.mac }),
      }),
      { ...created, read: (result) => podLinks.learn(step.name, created.read(result)) },
    ];
  },

  async undo({ kernel, pod }, step) {
    // By its index, which is ours alone: a link of that name may be somebody else's, and ours may be renamed.
    if (pod !== undefined) await removeLink(kernel, pod, step.index);
  },

  async check({ podLinks, hostLinks }, step) {
    const link = await podLinks.find(step.name);
    if (link === undefined) return [`${step.name} was made, a ${step.of.kind}, and is gone`];
    const parent = await (step.isParentInPod === true ? podLinks : hostLinks).find(step.parent);
    const { kind, ...settings } = step.of;
    return [
      ...differenceOf(step.name, "kind", kind, link.kind),
      ...differenceOf(`${step.name} over ${step.parent}`, "parent's index", parent?.index, link.parent),
      ...Object.entries(settings).flatMap(([name, value]) =>
        // Of macvlans over one parent the kernel gives all the longest queue that one asks for.
        name === "broadcastQueueLength" ? [] : differenceOf(step.name, name, value, link.kindData?.[name]),
      ),
      ...differenceOf(step.name, "MTU", step.mtu, link.mtu),
      ...differenceOf(step.name, "MAC address", step.mac, link.mac),
    ];
  },

  brings: (step) => step.name,
};

/** Throws when there is a link of that name already: it is not ours to replace. */
export async function refuseTakenName(links: LinkLookup, name: string): Promise<void> {
  if ((await links.find(name)) === undefined) return;
  throw new LanyardError(
    "conflict",
    `${links.place} has a link "${name}" already; choose another interfaceName`,
  );
}
