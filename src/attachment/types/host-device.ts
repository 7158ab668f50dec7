import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { linkSettings, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A link of the node, moved into the pod. */
export function planHostDevice(
  request: AttachmentRequest,
  { link }: Extract<LinkRequest, { type: "hostDevice" }>,
  node: NodeFacts,
): Step[] {
  return [
    { kind: "takeLink", link, name: request.interfaceName, ...linkSettings(request) },
    ...planInterface(request, node),
  ];
}
