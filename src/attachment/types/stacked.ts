import type { AttachmentRequest } from "../request.ts";
import type { CreateLinkStep } from "../steps/create-link.ts";
import type { Step } from "../steps/steps.ts";
import { linkSettings, parentFacts, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** The link that a further one stands on. */
export interface Parent {
  readonly parent: string;
  readonly isParentInPod?: boolean;
}

/** A link over one of the node's or of the pod's own, as large as that one unless the request says otherwise. */
export function planStacked(
  request: AttachmentRequest,
  { parent, isParentInPod }: Parent,
  of: CreateLinkStep["of"],
  node: NodeFacts,
): Step[] {
  const { mtu } = parentFacts({ parent, ...(isParentInPod === undefined ? {} : { isParentInPod }) }, node);
  return [
    {
      kind: "createLink",
      name: request.interfaceName,
      index: node.newIndex,
      of,
      parent,
      ...(isParentInPod === true ? { isParentInPod } : {}),
      ...linkSettings({ ...request, mtu: request.mtu ?? mtu }),
    },
    ...planInterface(request, node),
  ];
}
