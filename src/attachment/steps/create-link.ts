import type { Namespace } from "../../linux/namespace.ts";
import type { LinkKindSpec } from "../../linux/route/kinds/kinds.ts";
import { LanyardError } from "../../model/errors.ts";
import { removeLink } from "../remove-link.ts";
import type { StepHandler } from "./step.ts";

/** A virtual link is made in the pod's namespace. */
export interface CreateLinkStep {
  readonly kind: "createLink";
  readonly name: string;
  readonly of: Exclude<LinkKindSpec, { kind: "veth" }>;
  /** Name of the node's link it stands on. */
  readonly parent?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

export const createLink: StepHandler<CreateLinkStep, null> = {
  kind: "createLink",

  async observe({ pod }, step) {
    await refuseTakenName(pod, step.name);
    return null;
  },

  async apply({ kernel, pod, hostLinks }, step) {
    const [parent] = await Promise.all([
      step.parent === undefined ? undefined : hostLinks.get(step.parent),
      // Without an id here the namespace's announcements would not be heard.
      kernel.host.namespaceIds.ensure(pod.fd),
    ]);
    await kernel.host.links.create({
      name: step.name,
      of: step.of,
      namespaceFd: pod.fd,
      ...(parent === undefined ? {} : { parent: parent.index }),
      ...(step.mtu === undefined ? {} : { mtu: step.mtu }),
      ...(step.mac === undefined ? {} : { mac: step.mac }),
    });
  },

  async undo({ kernel, pod }, step) {
    if (pod !== undefined) await removeLink(kernel, pod, step.name);
  },

  brings: (step) => step.name,
};

/** Throws when the pod has a link of that name already: it is not ours to replace. */
export async function refuseTakenName(pod: Namespace, name: string): Promise<void> {
  if ((await pod.links.find(name)) === undefined) return;
  throw new LanyardError(
    "conflict",
    `${pod.name} has a link "${name}" already; choose another interfaceName`,
  );
}
