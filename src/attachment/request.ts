import type { IpvlanMode } from "../linux/route/kinds/ipvlan.ts";
import type { MacvlanMode } from "../linux/route/kinds/macvlan.ts";
import type { VfSettings } from "../linux/route/vf-settings.ts";
import type { AttachmentOwner } from "../model/attachment.ts";
import type { RangeIpam } from "../model/cni/known-plugin.ts";
import type { CniDns } from "../model/cni/result.ts";
import type { PodIdentity } from "../model/pod.ts";
import type { PluginProgram } from "../model/ports.ts";
import type { QosClass } from "../model/qos-class.ts";
import type { Vlan } from "../model/vlan.ts";

/** A device of the kubelet's that the attachment uses. */
export interface UsedDevice {
  readonly resource: string;
  readonly id: string;
  readonly container: string;
}

/** How the interface comes to be. */
export type LinkRequest =
  | HostDeviceRequest
  | SriovRequest
  /** A further link over one of the node's, or of the pod's own. */
  | {
      readonly type: "macvlan";
      readonly parent: string;
      readonly isParentInPod?: boolean;
      readonly mode: MacvlanMode;
      readonly broadcastQueueLength?: number;
    }
  | {
      readonly type: "ipvlan";
      readonly parent: string;
      readonly isParentInPod?: boolean;
      readonly mode: IpvlanMode;
    }
  | { readonly type: "vlan"; readonly parent: string; readonly isParentInPod?: boolean; readonly vlan: Vlan }
  | BridgeRequest
  /** A link that the pod has already: it is only held to limits, and changed. */
  | { readonly type: "standing" }
  /** Made by another program; `device` where the kubelet gave it one to make it of. */
  | { readonly type: "plugin"; readonly program: PluginProgram; readonly device?: UsedDevice };

/** A device of the node itself, as it is: its link, where it has one, is moved into the pod. */
export interface HostDeviceRequest {
  readonly type: "hostDevice";
  /** Name of the link on the node; absent for a function that a program drives (vfio, uio). */
  readonly link?: string;
  /** PCI address of the function, where it was named as one. */
  readonly pciAddress?: string;
  /** Absent where the kubelet did not give it: a configuration names it. */
  readonly device?: UsedDevice;
}

/** A VF: set through its PF, and its link, where its driver gives it one, moved into the pod. */
export interface SriovRequest {
  readonly type: "sriov";
  /** PCI address of the VF. */
  readonly pciAddress: string;
  /** Absent where nobody gave it: a configuration names its address. */
  readonly device?: UsedDevice;
  /** Name of the VF's link on the node; absent for one that a program drives (vfio, uio). */
  readonly link?: string;
  /** Name of the PF's link. */
  readonly pf: string;
  readonly vfIndex: number;
  /** What is set; what is absent stays as it is. The MAC address is the request's. */
  readonly settings: Omit<VfSettings, "mac">;
}

/** A pair of links, one end a port of the node's bridge. */
export interface BridgeRequest {
  readonly type: "bridge";
  /** Name of the bridge. */
  readonly parent: string;
  /** What the bridge itself is made and told; absent where it must be there and is left as it is. */
  readonly bridge?: {
    /** Makes the bridge tell VLANs apart. */
    readonly isVlanFiltering: boolean;
    readonly isPromiscuous: boolean;
    /** The gateways of the interface's addresses become the bridge's own addresses. */
    readonly isGateway: boolean;
    /** Other addresses of the bridge are taken away for them, and are no error. */
    readonly forceAddress: boolean;
  };
  readonly isHairpin?: boolean;
  readonly isIsolated?: boolean;
  /** VLAN of the port, untagged towards the pod. */
  readonly vlan?: number;
  /** VLANs that are passed on tagged. */
  readonly trunk?: readonly { readonly first: number; readonly last: number }[];
  /** Whether the port stays in the VLAN a bridge gives it by itself. */
  readonly keepsDefaultVlan?: boolean;
}

/** A route in the pod by way of the interface, in the kernel's words. */
export interface RouteRequest {
  /** CIDR form. */
  readonly destination: string;
  readonly gateway?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Bytes. */
  readonly advertisedMss?: number;
  /** The kernel's metric. */
  readonly priority?: number;
  readonly table?: number;
  /** Number as rtnetlink has it. */
  readonly scope?: number;
}

/** What is changed about a link once it is in the pod. */
export interface TuningRequest {
  /** Below /proc/sys/net and with the interface's name in place: `ipv4/conf/net1/arp_filter`. */
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly isPromiscuous?: boolean;
  readonly isAllMulticast?: boolean;
  /** Packets. */
  readonly transmitQueueLength?: number;
}

/** Where addresses come from that are not known beforehand. */
export type IpamRequest =
  | RangeIpam
  /** Another program gives them. */
  | { readonly type: "program"; readonly program: PluginProgram };

/**
 * One interface to be made, with every name resolved: what the planner turns into steps. Plain data, so that
 * the journal can hold it and a later wish be compared with it.
 */
export interface AttachmentRequest {
  readonly pod: PodIdentity;
  readonly owner?: AttachmentOwner;
  readonly interfaceName: string;
  /** As in AttachmentStatus. */
  readonly podNetworkName: string;
  readonly link: LinkRequest;
  /** Addresses known beforehand, in CIDR form. */
  readonly addresses: readonly string[];
  /** Gateways of these addresses' subnets, for the result and for a bridge that is one. */
  readonly gateways?: readonly string[];
  /** Where further addresses and routes come from. */
  readonly ipam?: IpamRequest;
  readonly routes: readonly RouteRequest[];
  /**
   * Next hops of the default routes that the pod shall have in place of those it has; empty: the gateways that its
   * addresses come with.
   */
  readonly defaultGateways?: readonly string[];
  readonly mac?: string;
  /** Bytes; the parent's or the device's own where absent. */
  readonly mtu?: number;
  /** Whether the link stays down. */
  readonly staysDown?: boolean;
  readonly tuning?: TuningRequest;
  readonly qosClass?: QosClass;
  /** Programs that are run when all else is done, in order. */
  readonly programs?: readonly PluginProgram[];
  /** The device-info file the device plugin wrote, and the copy that the attachment has of it. */
  readonly deviceInfo?: { readonly source: string; readonly path: string };
  /** What the pod is told of names. */
  readonly dns?: CniDns;
  /** CNI_ARGS for programs. */
  readonly cniArgs?: string;
  /** What is written for the network and means nothing, one sentence each. */
  readonly notes?: readonly string[];
}

/** Whether two requests differ in nothing but their QoS, so that a change in place is enough. */
export function differsOnlyInQos(one: AttachmentRequest, other: AttachmentRequest): boolean {
  return sameRequest({ ...one, qosClass: undefined }, { ...other, qosClass: undefined });
}

/** Whether two requests ask for the same; what means nothing does not count. */
export function sameRequest(one: AttachmentRequest, other: AttachmentRequest): boolean {
  const [first, second] = [one, other].map(({ notes: _, ...request }) => JSON.stringify(sorted(request)));
  return first === second;
}

/** The same data with every object's keys in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
