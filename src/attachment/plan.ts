import type { AttachmentRequest } from "./request.ts";
import type { Step } from "./steps/steps.ts";
import { planBridge } from "./types/bridge.ts";
import { planHostDevice } from "./types/host-device.ts";
import { planIpvlan } from "./types/ipvlan.ts";
import { planMacvlan } from "./types/macvlan.ts";
import type { NodeFacts } from "./types/node-facts.ts";
import { planPlugin } from "./types/plugin.ts";
import { planSriov } from "./types/sriov.ts";
import { planStanding } from "./types/standing.ts";
import { planVlan } from "./types/vlan.ts";

/**
 * The steps that make an interface, in order. Pure: the same request and facts give the same steps. Throws LanyardError
 * for what cannot be made.
 */
export function planAttachment(request: AttachmentRequest, node: NodeFacts): Step[] {
  switch (request.link.type) {
    case "hostDevice":
      return planHostDevice(request, request.link, node);
    case "sriov":
      return planSriov(request, request.link, node);
    case "macvlan":
      return planMacvlan(request, request.link, node);
    case "ipvlan":
      return planIpvlan(request, request.link, node);
    case "vlan":
      return planVlan(request, request.link, node);
    case "bridge":
      return planBridge(request, request.link, node);
    case "standing":
      return planStanding(request, node);
    case "plugin":
      return planPlugin(request, request.link, node);
  }
}

/** Name of the node's link a request is about: its device, or what it stands on. It need not be there yet. */
export function nodeLinkOf({ link }: AttachmentRequest): string | undefined {
  switch (link.type) {
    case "hostDevice":
    case "sriov":
      return link.link;
    case "bridge":
      return link.parent;
    case "macvlan":
    case "ipvlan":
    case "vlan":
      return link.isParentInPod === true ? undefined : link.parent;
    case "standing":
    case "plugin":
      return undefined;
  }
}

/** Name of the pod's own link a request is about: what it stands on inside the pod, or the interface that is there. */
export function podLinkOf({ link, interfaceName }: AttachmentRequest): string | undefined {
  switch (link.type) {
    case "macvlan":
    case "ipvlan":
    case "vlan":
      return link.isParentInPod === true ? link.parent : undefined;
    case "standing":
      return interfaceName;
    case "hostDevice":
    case "sriov":
    case "bridge":
    case "plugin":
      return undefined;
  }
}
