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
  assignedTo(pod: PodIdentity): Promise<readonly AssignedDevice[]>;
}

/** Finds a device by what the kubelet calls it. */
export interface DeviceDirectory {
  findDevice(resource: string, id: string): Device | undefined;
  /** The resource by which the bandwidth of a link is counted; undefined where the scheduler does not count it. */
  bandwidthResource(link: string): string | undefined;
}

/** What a name in a pod's annotation means: the objects that describe networks, wherever they are kept. */
export interface NetworkCatalog {
  podNetwork(name: string): PodNetwork | undefined;
  linkProfile(name: string): LinkProfile | undefined;
  qosClass(name: string): QosClass | undefined;
  podNetworkAttachment(namespace: string, name: string): PodNetworkAttachment | undefined;
  /** Calls back after any of these objects may have changed. */
  onChange(listener: () => void): Unsubscribe;
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
