import type { Device, Pool } from "./device.ts";
import type { AssignedDevice, PodIdentity } from "./pod.ts";

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
}
