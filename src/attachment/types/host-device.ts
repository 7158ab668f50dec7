import { InvalidValueError } from "../../model/errors.ts";
import type { AttachmentRequest, HostDeviceRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { linkOfNode, linkSettings, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";
import { planUserspaceDevice } from "./userspace-device.ts";

/** A device of the node: its link is moved into the pod. */
export function planHostDevice(
  request: AttachmentRequest,
  { link, pciAddress }: HostDeviceRequest,
  node: NodeFacts,
): Step[] {
  const { interfaceName: name, mac } = request;
  if (link === undefined) {
    if (mac === undefined) return planUserspaceDevice(request);
    throw new InvalidValueError(`MAC address of interface ${name}`, mac, "none: a program drives the device");
  }
  linkOfNode(node, link, "the node's network namespace");
  const whose = pciAddress === undefined ? {} : { pciAddress };
  return [
    { kind: "takeLink", link, ...whose, name, ...linkSettings(request) },
    ...planInterface(request, node),
  ];
}
