import type { AttachmentRequest } from "./request.ts";
import type { Step } from "./steps/steps.ts";
import { planBridge } from "./types/bridge.ts";
import { planHostDevice } from "./types/host-device.ts";
import { planMacvlan } from "./types/macvlan.ts";
import type { NodeFacts } from "./types/node-facts.ts";

/** The steps that make an interface, in order. Pure: the same request and facts give the same steps. */
export function planAttachment(request: AttachmentRequest, node: NodeFacts): Step[] {
  switch (request.link.type) {
    case "hostDevice":
      return planHostDevice(request, request.link, node);
    case "macvlan":
      return planMacvlan(request, request.link, node);
    case "bridge":
      return planBridge(request, request.link, node);
  }
}

/** Name of the node's link a request is about: its device, or what it stands on. */
export function nodeLinkOf({ link }: AttachmentRequest): string {
  return link.type === "hostDevice" ? link.link : link.parent;
}
