import type { Vlan } from "../vlan.ts";
import type { CniDns, CniRoute } from "./result.ts";

/**
 * The reference plugins whose work is done in process, as their configurations are read. A configuration with a field that
 * netlink cannot serve (`ipMasq`, `macspoofchk`) is no known plugin: its program is run.
 */
export type KnownPlugin =
  | MacvlanPlugin
  | IpvlanPlugin
  | VlanPlugin
  | BridgePlugin
  | HostDevicePlugin
  | SriovPlugin
  | TuningPlugin
  | BandwidthPlugin;

/** What every plugin that makes an interface is told. */
interface InterfacePlugin {
  readonly ipam?: IpamPlugin;
  /** Bytes; 0 is read as absent. */
  readonly mtu?: number;
  readonly mac?: string;
  /** What is told to the pod where the plugin's own configuration says it. */
  readonly dns?: CniDns;
}

export interface MacvlanPlugin extends InterfacePlugin {
  readonly type: "macvlan";
  /** Name of the link it stands on; the one with the default route when absent. */
  readonly parent?: string;
  readonly isParentInPod: boolean;
  readonly mode: "bridge" | "private" | "vepa" | "passthru";
  /** Packets that wait for being spread to all (IFLA_MACVLAN_BC_QUEUE_LEN). */
  readonly broadcastQueueLength?: number;
}

export interface IpvlanPlugin extends InterfacePlugin {
  readonly type: "ipvlan";
  /** Name of the link it stands on; the one with the default route, or of the result before it, when absent. */
  readonly parent?: string;
  readonly isParentInPod: boolean;
  readonly mode: "l2" | "l3" | "l3s";
}

export interface VlanPlugin extends InterfacePlugin {
  readonly type: "vlan";
  readonly parent: string;
  readonly isParentInPod: boolean;
  /** 0 to 4094. */
  readonly id: number;
}

export interface BridgePlugin extends InterfacePlugin {
  readonly type: "bridge";
  /** Name of the bridge, which is made where there is none. */
  readonly bridge: string;
  /** The bridge gets the gateways' addresses. */
  readonly isGateway: boolean;
  /** The pod gets default routes by way of the bridge; implies `isGateway`. */
  readonly isDefaultGateway: boolean;
  /** Addresses of the bridge of another subnet than the gateway's are taken away, and are no error. */
  readonly forceAddress: boolean;
  readonly hairpinMode: boolean;
  readonly promiscMode: boolean;
  /** VLAN of the port, untagged towards the pod. */
  readonly vlan?: number;
  /** VLANs that are passed on tagged. */
  readonly vlanTrunk: readonly { readonly first: number; readonly last: number }[];
  /** Whether the port leaves VLAN 1, which a bridge gives it by itself. */
  readonly preserveDefaultVlan: boolean;
  /** Ports that are isolated reach no other isolated port. */
  readonly portIsolation: boolean;
  /** The pod's end stays down. */
  readonly disableContainerInterface: boolean;
}

export interface HostDevicePlugin extends InterfacePlugin {
  readonly type: "host-device";
  /** Exactly one of these names the device. */
  readonly device?: string;
  readonly hardwareAddress?: string;
  readonly kernelPath?: string;
  readonly pciAddress?: string;
}

/** sriov-cni. Absent fields leave the VF as it is. */
export interface SriovPlugin extends InterfacePlugin {
  readonly type: "sriov";
  /** PCI address of the VF; injected where the pod was given one. */
  readonly deviceId?: string;
  /** Id 0: untagged. */
  readonly vlan?: Vlan;
  readonly spoofCheck?: boolean;
  readonly trust?: boolean;
  readonly linkState?: "auto" | "enable" | "disable";
  /** Bits per second; 0: none. */
  readonly minRate?: number;
  readonly maxRate?: number;
}

/** Changes the interface that the plugins before it made. */
export interface TuningPlugin {
  readonly type: "tuning";
  /** By their names below /proc/sys, `net/ipv4/conf/IFNAME/arp_filter`; IFNAME stands for the interface. */
  readonly sysctl: Readonly<Record<string, string>>;
  readonly mac?: string;
  readonly mtu?: number;
  readonly isPromiscuous?: boolean;
  readonly isAllMulticast?: boolean;
  /** Packets. */
  readonly transmitQueueLength?: number;
}

/** Holds the interface that the plugins before it made to rates. */
export interface BandwidthPlugin {
  readonly type: "bandwidth";
  /** Bits per second; 0 is read as absent. */
  readonly ingressRate?: number;
  readonly egressRate?: number;
  /** Bits. */
  readonly ingressBurst?: number;
  readonly egressBurst?: number;
}

/** Where an interface's addresses come from. */
export type IpamPlugin =
  | StaticIpam
  | RangeIpam
  /** Any other: its program is run. */
  | { readonly type: "program"; readonly program: string };

/** The addresses as they are written. */
export interface StaticIpam {
  readonly type: "static";
  readonly addresses: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

/** The first free address of a range, which the agent itself gives out on this node. */
export interface RangeIpam {
  readonly type: "range";
  /** CIDR form. */
  readonly subnet: string;
  /** First and last address that is given out; the subnet's own bounds when absent. */
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  /** Is not given out itself. */
  readonly gateway?: string;
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}
