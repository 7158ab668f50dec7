import { InvalidValueError } from "../../model/errors.ts";
import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import type { NodeFacts } from "./node-facts.ts";
import { planStacked } from "./stacked.ts";

/** An ipvlan over a link of the node, or of the pod. */
export function planIpvlan(
  request: AttachmentRequest,
  link: Extract<LinkRequest, { type: "ipvlan" }>,
  node: NodeFacts,
): Step[] {
  // The kernel would leave it out without a word (ipvlan_link_new, drivers/net/ipvlan/ipvlan_main.c).
  if (request.mac !== undefined) {
    const expected = `none: an ipvlan has the MAC address of its parent ${link.parent}`;
    throw new InvalidValueError(`MAC address of interface ${request.interfaceName}`, request.mac, expected);
  }
  return planStacked(request, link, { kind: "ipvlan", mode: link.mode }, node);
}
