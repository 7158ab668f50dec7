import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import type { NodeFacts } from "./node-facts.ts";
import { planStacked } from "./stacked.ts";

/**
 * The priorities that packets have by themselves (rt_tos2priority, net/ipv4/route.c) or by a program without privileges
 * (SO_PRIORITY), and the one above them, which the kernel's own packets of control have.
 */
const PRIORITIES = [0, 1, 2, 3, 4, 5, 6, 7];

/** One VLAN of a link of the node, or of the pod. */
export function planVlan(
  request: AttachmentRequest,
  link: Extract<LinkRequest, { type: "vlan" }>,
  node: NodeFacts,
): Step[] {
  const { id, qos, protocol } = link.vlan;
  const egressQos = PRIORITIES.map((from) => ({ from, to: qos }));
  return planStacked(request, link, { kind: "vlan", id, protocol, ...(qos > 0 ? { egressQos } : {}) }, node);
}
