import { createHash } from "node:crypto";
import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { linkSettings, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A veth pair between the pod and a bridge of the node. */
export function planBridge(
  request: AttachmentRequest,
  { parent }: Extract<LinkRequest, { type: "bridge" }>,
  node: NodeFacts,
): Step[] {
  return [
    {
      kind: "createVethPair",
      name: request.interfaceName,
      hostName: hostEndName(request),
      bridge: parent,
      ...linkSettings({ ...request, mtu: request.mtu ?? node.link.mtu }),
    },
    ...planInterface(request, node),
  ];
}

/** Name of the node's end: the same each time for one interface of one pod, and at most 15 bytes. */
export function hostEndName({
  pod,
  interfaceName,
}: Pick<AttachmentRequest, "pod" | "interfaceName">): string {
  const digest = createHash("sha256").update(`${pod.uid}/${interfaceName}`).digest("hex");
  return `ly${digest.slice(0, 12)}`;
}
