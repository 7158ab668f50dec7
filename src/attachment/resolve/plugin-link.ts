import type {
  BandwidthPlugin,
  BridgePlugin,
  HostDevicePlugin,
  IpvlanPlugin,
  KnownPlugin,
  MacvlanPlugin,
  SriovPlugin,
  TuningPlugin,
} from "../../model/cni/known-plugin.ts";
import { LanyardError, NotFoundError } from "../../model/errors.ts";
import type { BridgeRequest, HostDeviceRequest, LinkRequest, SriovRequest } from "../request.ts";
import { hostDeviceAt, placeOfFunction, vfAt } from "./device.ts";
import { type Resolving, required } from "./sources.ts";

/** Known plugins that make an interface. */
export type LinkPlugin = Exclude<KnownPlugin, TuningPlugin | BandwidthPlugin>;

/** What makes the link that a known plugin would make. Throws LanyardError. */
export async function linkOfPlugin(plugin: LinkPlugin, resolving: Resolving): Promise<LinkRequest> {
  switch (plugin.type) {
    case "macvlan": {
      const { mode, broadcastQueueLength } = plugin;
      const parent = await parentOf(plugin, resolving);
      return {
        type: "macvlan",
        ...parent,
        mode,
        ...(broadcastQueueLength !== undefined && { broadcastQueueLength }),
      };
    }
    case "ipvlan":
      return { type: "ipvlan", ...(await parentOf(plugin, resolving)), mode: plugin.mode };
    case "vlan": {
      const { parent, isParentInPod, id } = plugin;
      const vlan = { id, qos: 0, protocol: "802.1Q" } as const;
      return { type: "vlan", parent, ...(isParentInPod && { isParentInPod }), vlan };
    }
    case "bridge":
      return portOf(plugin);
    case "host-device":
      return hostDeviceOf(plugin, resolving);
    case "sriov":
      return vfOf(plugin, resolving);
  }
}

/** Without one that is named: the one it has, so that it stays when the default route moves, or the way out of the node. */
async function parentOf(
  { type, parent, isParentInPod }: MacvlanPlugin | IpvlanPlugin,
  { held, who, sources }: Resolving,
): Promise<{ parent: string; isParentInPod?: true }> {
  if (isParentInPod) {
    const inPod = required(
      parent,
      `${who}: the plugin ${type} names no master; expected one where linkInContainer is set`,
    );
    return { parent: inPod, isParentInPod };
  }
  const heldParent = held?.type === type && held.isParentInPod !== true ? held.parent : undefined;
  const found = parent ?? heldParent ?? (await sources.links.defaultLink());
  const text = `${who}: the plugin ${type} names no master, and the node has no default route whose link it would be`;
  return { parent: required(found, text) };
}

function portOf(plugin: BridgePlugin): BridgeRequest {
  const { bridge, isGateway, forceAddress, hairpinMode, promiscMode, vlan, vlanTrunk, portIsolation } =
    plugin;
  return {
    type: "bridge",
    parent: bridge,
    bridge: {
      isVlanFiltering: vlan !== undefined || vlanTrunk.length > 0,
      isPromiscuous: promiscMode,
      isGateway,
      forceAddress,
    },
    isHairpin: hairpinMode,
    isIsolated: portIsolation,
    ...(vlan !== undefined && { vlan }),
    ...(vlanTrunk.length > 0 && { trunk: vlanTrunk }),
    keepsDefaultVlan: plugin.preserveDefaultVlan,
  };
}

async function hostDeviceOf(plugin: HostDevicePlugin, resolving: Resolving): Promise<HostDeviceRequest> {
  const { device, hardwareAddress, kernelPath, pciAddress } = plugin;
  const { links } = resolving.sources;
  if (device !== undefined) return hostDeviceAt({ link: device }, resolving);
  if (pciAddress !== undefined) return hostDeviceAt(await placeOfFunction(pciAddress, resolving), resolving);
  const found =
    hardwareAddress === undefined
      ? await links.linkOfDevice(kernelPath ?? "")
      : links.linkWithMac(hardwareAddress);
  const link = found ?? heldLink(resolving);
  if (link !== undefined) return { type: "hostDevice", link };
  const what = hardwareAddress === undefined ? `below ${kernelPath}` : `with the address ${hardwareAddress}`;
  throw new NotFoundError(`${resolving.who}: no link ${what} is on the node now`);
}

/** The name on the node of a link that is this interface already, and that is found there no more. */
function heldLink({ held }: Resolving): string | undefined {
  if (held?.type !== "hostDevice" || held.device !== undefined || held.pciAddress !== undefined)
    return undefined;
  return held.link;
}

async function vfOf(plugin: SriovPlugin, resolving: Resolving): Promise<SriovRequest> {
  const { deviceId, vlan, spoofCheck, trust, linkState, minRate, maxRate } = plugin;
  if (deviceId === undefined) {
    throw new LanyardError(
      "invalid",
      `${resolving.who}: the plugin sriov has no VF: its configuration names none in deviceID, and the pod was given none; ` +
        "expected the annotation k8s.v1.cni.cncf.io/resourceName on the NetworkAttachmentDefinition, and the resource in " +
        "spec.containers[].resources.limits",
    );
  }
  const settings: SriovRequest["settings"] = {
    ...(vlan !== undefined && { vlan }),
    ...(spoofCheck !== undefined && { isSpoofChecked: spoofCheck }),
    ...(trust !== undefined && { isTrusted: trust }),
    ...(linkState !== undefined && { linkState }),
    // The kernel sets the limit with every guarantee: 0 is none.
    ...((minRate !== undefined || maxRate !== undefined) && {
      rate: { ...(minRate !== undefined && { min: minRate }), max: maxRate ?? 0 },
    }),
  };
  return vfAt(await placeOfFunction(deviceId, resolving), settings, resolving);
}
