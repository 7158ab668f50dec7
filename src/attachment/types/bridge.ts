import { createHash } from "node:crypto";
import { isWithin } from "../../model/address.ts";
import type { AttachmentRequest, BridgeRequest } from "../request.ts";
import type { PortVlans } from "../steps/create-veth-pair.ts";
import type { Step } from "../steps/steps.ts";
import { linkOfNode, linkSettings, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A veth pair between the pod and a bridge of the node. */
export function planBridge(request: AttachmentRequest, bridge: BridgeRequest, node: NodeFacts): Step[] {
  const { parent, isHairpin, isIsolated } = bridge;
  const mtu = request.mtu ?? node.link?.mtu;
  return [
    ...planBridgeItself(request, bridge, node),
    {
      kind: "createVethPair",
      name: request.interfaceName,
      index: node.newIndex,
      hostName: hostEndName(request),
      bridge: parent,
      ...linkSettings({ ...request, ...(mtu === undefined ? {} : { mtu }) }),
      ...(isHairpin === undefined ? {} : { isHairpin }),
      ...(isIsolated === undefined ? {} : { isIsolated }),
      ...planVlans(bridge),
    },
    ...planInterface(request, node, planGateway(request, bridge)),
  ];
}

/** What is done to the bridge; where nothing is said of it, it must be there. */
function planBridgeItself(
  request: AttachmentRequest,
  { parent, bridge }: BridgeRequest,
  node: NodeFacts,
): Step[] {
  if (bridge === undefined) {
    linkOfNode(node, parent, "the node's network namespace");
    return [];
  }
  const { isVlanFiltering, isPromiscuous } = bridge;
  const { mtu } = request;
  return [
    {
      kind: "provideBridge",
      name: parent,
      isVlanFiltering,
      isPromiscuous,
      ...(mtu === undefined ? {} : { mtu }),
    },
  ];
}

/** The VLANs of the bridge's port; none where it is left in those that the bridge gives it. */
function planVlans({ vlan, trunk = [], keepsDefaultVlan }: BridgeRequest): { vlans?: PortVlans } {
  if (vlan === undefined && trunk.length === 0) return {};
  const untagged = vlan === undefined ? {} : { untagged: vlan };
  return { vlans: { ...untagged, trunk, keepsDefault: keepsDefaultVlan === true } };
}

/** The gateways of the pod's subnets become addresses of the bridge, or of its link in the port's VLAN. */
function planGateway(request: AttachmentRequest, { parent, bridge, vlan }: BridgeRequest): Step[] {
  if (bridge?.isGateway !== true) return [];
  const addresses = (request.gateways ?? []).flatMap((gateway) => {
    const network = request.addresses.find((address) => isWithin(gateway, address));
    return network === undefined ? [] : [`${gateway}/${network.slice(network.indexOf("/") + 1)}`];
  });
  if (addresses.length === 0) return [];
  const { forceAddress } = bridge;
  return [
    { kind: "addGateway", bridge: parent, addresses, forceAddress, ...(vlan === undefined ? {} : { vlan }) },
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
