/** Whether a device can be used, with the reason when it cannot. */
export interface DeviceHealth {
  readonly isHealthy: boolean;
  /** One plain sentence; present when the device is not healthy. */
  readonly reason?: string;
}

/** A link of the node that a pod may own whole: it is moved into the pod's network namespace. */
export interface HostDevice {
  readonly kind: "hostDevice";
  /** What the kubelet counts; unique in its pool and stable over restarts. For a host device: the link's name. */
  readonly id: string;
  /** The link's name in the node's network namespace. */
  readonly link: string;
  /** NUMA node, or undefined where the kernel knows none. */
  readonly numaNode?: number;
  readonly health: DeviceHealth;
}

/** A fixed part of an uplink's bandwidth, so that the scheduler can count bandwidth. */
export interface BandwidthShare {
  readonly kind: "bandwidthShare";
  /** `<uplink>-<number>`, unique in its pool and stable over restarts. */
  readonly id: string;
  /** Name of the uplink whose bandwidth is shared. */
  readonly link: string;
  /** Size of this share in bits per second. */
  readonly rate: number;
  readonly numaNode?: number;
  readonly health: DeviceHealth;
}

/** One thing the kubelet counts and hands to a pod. */
export type Device = HostDevice | BandwidthShare;

/** What a pool offers, in words for people. */
export type PoolKind = Device["kind"];

/** Devices that are interchangeable: one resource of the kubelet. */
export interface Pool {
  /** Full resource name, `<prefix>/<name>`, for example `lanyard.dev/nics`. */
  readonly resource: string;
  readonly kind: PoolKind;
  readonly devices: readonly Device[];
}
