import type { NetworkAttachmentDefinition } from "./cni/network-attachment-definition.ts";
import type { NetworkConfiguration } from "./cni/network-configuration.ts";
import type { CniResult } from "./cni/result.ts";
import type { Device, Pool } from "./device.ts";
import type { DevicePolicy } from "./device-policy.ts";
import type { LinkProfile } from "./link-profile.ts";
import type { AssignedDevice, PodIdentity } from "./pod.ts";
import type { PodNetwork } from "./pod-network.ts";
import type { PodNetworkAttachment } from "./pod-network-attachment.ts";
import type { QosClass } from "./qos-class.ts";

/**
 * What the rooms of the house need from each other without knowing each other. The composition root hands
 * the parts in.
 */

/** Takes back a subscription. */
export type Unsubscribe = () => void;

/** The pools known now, as the device-plugin door needs them. */
export interface PoolSource {
  /** All pools; the array and what it holds do not change afterwards. */
  pools(): readonly Pool[];
  /** Calls back after any pool, device or health has changed. */
  onChange(listener: () => void): Unsubscribe;
}

/** Which devices a pod's containers were given. */
export interface DeviceAssignments {
  /** In the order of the containers. Throws LanyardError where nobody tells. */
  assignedTo(pod: PodIdentity): Promise<readonly AssignedDevice[]>;
}

/** A PCI function of this node, as an attachment needs it. */
export interface FunctionPlace {
  /** `0000:86:01.2` */
  readonly pciAddress: string;
  /** PCI address of its PF; its own where it is no VF. */
  readonly pfAddress: string;
  /** Name of the PF's link, its own where it is no VF; undefined where that has none on the node. */
  readonly pfName?: string;
  /** Number of the VF on its PF, from 0; undefined for what is no VF. */
  readonly vfIndex?: number;
  /** Name of its link on the node now; undefined without one, or while it is inside a pod. */
  readonly link?: string;
  /** Undefined while none is bound. */
  readonly driver?: string;
  /** Name of the link that stands for it on its card's switch (switchdev). */
  readonly representor?: string;
}

/** Finds a device by what the kubelet calls it. */
export interface DeviceDirectory {
  findDevice(resource: string, id: string): Device | undefined;
  /** Whoever offers it: also functions of no pool of ours. */
  findFunction(pciAddress: string): FunctionPlace | undefined;
  /** The function that a link belongs to, also while the link is inside a pod. */
  functionOfLink(link: string): FunctionPlace | undefined;
  /** The resource by which the bandwidth of a link is counted; undefined where the scheduler does not count it. */
  bandwidthResource(link: string): string | undefined;
}

/**
 * What a name in a pod's annotation means: the objects that describe networks, wherever they are kept. Undefined where there
 * is none of the name; each throws LanyardError `invalid` for one that is there and cannot be read.
 */
export interface NetworkCatalog {
  podNetwork(name: string): PodNetwork | undefined;
  linkProfile(name: string): LinkProfile | undefined;
  qosClass(name: string): QosClass | undefined;
  podNetworkAttachment(namespace: string, name: string): PodNetworkAttachment | undefined;
  networkAttachmentDefinition(namespace: string, name: string): NetworkAttachmentDefinition | undefined;
  /** Calls back after any of these objects may have changed. */
  onChange(listener: () => void): Unsubscribe;
}

/** Finds links of the node by what a configuration knows of them. Links inside pods are not found. */
export interface NodeLinks {
  /** Name of the link by which the node's default route leaves; of several, IPv4's with the lowest metric. */
  defaultLink(): Promise<string | undefined>;
  /** Name of the link with this Ethernet address, in lower case with colons. */
  linkWithMac(mac: string): string | undefined;
  /** Name of the link of a device by its place in sysfs now, `/sys/devices/pci0000:00/0000:00:19.0`. */
  linkOfDevice(path: string): Promise<string | undefined>;
}

/** Networks whose configurations lie on the node's disk. */
export interface NodeNetworks {
  /** Where they are looked for, for messages: `/etc/cni/net.d`. */
  readonly place: string;
  /** Undefined where there is none of this name. Throws InvalidObjectError for one that cannot be read. */
  networkConfiguration(name: string): Promise<NetworkConfiguration | undefined>;
}

/** Which sysctls networks may set on this node. */
export interface SysctlRules {
  /**
   * Those of these (`net/ipv4/conf/IFNAME/arp_filter`) that the node's administrator does not allow. Throws LanyardError
   * where the rules cannot be read.
   */
  forbidden(names: readonly string[]): Promise<readonly string[]>;
  /** Where the rules stand, for messages. */
  readonly place: string;
}

/** A program that makes an interface, changes one, or gives out its addresses, as the CNI specification says. */
export interface PluginProgram {
  /** Name of the program. */
  readonly type: string;
  /** What it gets on its standard input, with `cniVersion`, `name` and `runtimeConfig`, and without `prevResult`. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** For whom a program is run. */
export interface PluginCall {
  readonly program: PluginProgram;
  /** CNI_CONTAINERID. */
  readonly containerId: string;
  /** CNI_NETNS; undefined when the namespace is gone, and only a DEL is left to be done. */
  readonly namespacePath?: string;
  /** CNI_IFNAME. */
  readonly interfaceName: string;
  /** CNI_ARGS, `K8S_POD_NAMESPACE=default;K8S_POD_NAME=alpha`. */
  readonly args: string;
  /** What the plugins before it came to. */
  readonly previous?: CniResult;
}

/** Runs such programs in the node's own mount namespace. All methods throw LanyardError with what the program said. */
export interface PluginRunner {
  add(call: PluginCall): Promise<CniResult>;
  delete(call: PluginCall): Promise<void>;
  check(call: PluginCall): Promise<void>;
}

/** The sandboxes that the container runtime has. */
export interface SandboxSource {
  /** Ids of all sandboxes, also of those that have ended. Throws LanyardError where the runtime does not answer. */
  sandboxes(): Promise<ReadonlySet<string>>;
}

/** The pods that the kubelet has. */
export interface PodSource {
  /** `namespace/name` of each. Throws LanyardError where the kubelet does not answer. */
  pods(): Promise<ReadonlySet<string>>;
}

/** What is written on pods, for where the container runtime does not hand it over. */
export interface PodAnnotations {
  /** Undefined where no such pod is known. Throws LanyardError where nobody can be asked. */
  annotations(pod: PodIdentity): Promise<Readonly<Record<string, string>> | undefined>;
}

/** Which of the node's links are inside pods now, by the name they have on the node. */
export interface HeldLinks {
  heldLinks(): ReadonlySet<string>;
}

/** A device that a pod has, or had a moment ago. */
export interface DeviceUse {
  readonly resource: string;
  readonly id: string;
  /** Who has it, in words for people: `pod default/alpha, container main`. */
  readonly user: string;
}

/** Which devices are given away now, whatever the way they were given. */
export interface DeviceUses {
  uses(): readonly DeviceUse[];
  /** Whether all of them are known by now, those of the time before this process among them. */
  readonly isComplete: boolean;
  /** Calls back after any of them has changed, and when they are all known. */
  onChange(listener: () => void): Unsubscribe;
}

/** The policies for the node's PFs, wherever they are kept. */
export interface PolicySource {
  devicePolicies(): readonly DevicePolicy[];
  /** Whether these are all: nothing is left that could not be read. Until then a missing policy may only be misspelt. */
  readonly isComplete: boolean;
  /** Calls back after any of them may have changed. */
  onChange(listener: () => void): Unsubscribe;
}
