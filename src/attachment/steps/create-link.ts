import type { LinkKindSpec } from "../../linux/route/kinds/kinds.ts";
import { LanyardError } from "../../model/errors.ts";
import type { LinkLookup } from "../link-lookup.ts";
import { removeLink } from "../remove-link.ts";
import type { PreparedHandler } from "./step.ts";

/** A virtual link is made in the pod's namespace. */
export interface CreateLinkStep {
  readonly kind: "createLink";
  readonly name: string;
  /** The index it gets: chosen beforehand, so that what is set on it need not wait for the kernel's answer. */
  readonly index: number;
  readonly of: Exclude<LinkKindSpec, { kind: "veth" }>;
  /** Name of the node's link it stands on. */
  readonly parent?: string;
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
    const parent = step.parent === undefined ? undefined : await hostLinks.get(step.parent);
    const created = pod.links.prepareFind(link);
    return [
      // Without an id here the namespace's announcements would not be heard.
      host.namespaceIds.prepareEnsure(pod.fd),
      host.links.prepareCreate({
        name: step.name,
        index: link,
        of: step.of,
        namespaceFd: pod.fd,
        ...(parent === undefined ? {} : { parent: parent.index }),
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
