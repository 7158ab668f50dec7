import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import type { NodeFacts } from "./node-facts.ts";
import { planStacked } from "./stacked.ts";

/** A macvlan over a link of the node, or of the pod. */
export function planMacvlan(
  request: AttachmentRequest,
  link: Extract<LinkRequest, { type: "macvlan" }>,
  node: NodeFacts,
): Step[] {
  const { mode, broadcastQueueLength } = link;
  const queue = broadcastQueueLength === undefined ? {} : { broadcastQueueLength };
  return planStacked(request, link, { kind: "macvlan", mode, ...queue }, node);
}
