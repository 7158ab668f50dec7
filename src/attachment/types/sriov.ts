import type { AttachmentRequest, SriovRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { linkOfNode, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";
import { planUserspaceDevice } from "./userspace-device.ts";

/** A VF: set through its PF, and moved into the pod where it has a link. */
export function planSriov(request: AttachmentRequest, sriov: SriovRequest, node: NodeFacts): Step[] {
  const { link, pciAddress } = sriov;
  if (link === undefined) return [...planSettings(request, sriov), ...planUserspaceDevice(request)];
  linkOfNode(node, link, "the node's network namespace");
  const { interfaceName: name, mtu } = request;
  return [
    ...planSettings(request, sriov),
    { kind: "takeLink", link, pciAddress, name, ...(mtu === undefined ? {} : { mtu }) },
    ...planInterface(request, node),
  ];
}

/** What the PF sets for the VF; its MAC address among that, and not when it is moved. */
function planSettings({ mac }: AttachmentRequest, sriov: SriovRequest): Step[] {
  const { pciAddress, link, pf, vfIndex } = sriov;
  const settings = { ...sriov.settings, ...(mac === undefined ? {} : { mac }) };
  if (Object.values(settings).every((value) => value === undefined)) return [];
  return [
    { kind: "configureVf", pf, vfIndex, pciAddress, ...(link === undefined ? {} : { link }), settings },
  ];
}
