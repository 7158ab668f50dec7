import type { DeviceHealth } from "./health.ts";

/** A character device that a container gets. */
export interface DeviceNode {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Any of `r`, `w` and `m`. */
  readonly permissions: string;
}

/** A file or folder of the node that a container gets. */
export interface DeviceMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly isReadOnly: boolean;
}

/** What a container gets together with a device. */
export interface DeviceAccess {
  readonly nodes: readonly DeviceNode[];
  readonly mounts: readonly DeviceMount[];
  /** What the container is told of the device, as JSON in the resource's `_INFO` variable. */
  readonly info: Readonly<Record<string, unknown>>;
  /** Content of its device-info file (device-info specification 1.1.0); absent for a device that has none. */
  readonly deviceInfo?: Readonly<Record<string, unknown>>;
}

interface CommonDevice {
  /** What the kubelet counts; unique in its pool and stable over restarts. */
  readonly id: string;
  /** NUMA node, or undefined where the kernel knows none. */
  readonly numaNode?: number;
  /** NUMA nodes the kubelet is told, for its topology manager; none where the pool excludes topology. */
  readonly topology: readonly number[];
  readonly access: DeviceAccess;
  readonly health: DeviceHealth;
}

/** A link of the node that a pod may own whole: it is moved into the pod's network namespace. Its id is its name. */
export interface HostDevice extends CommonDevice {
  readonly kind: "hostDevice";
  /** The link's name in the node's network namespace. */
  readonly link: string;
}

/** A fixed part of an uplink's bandwidth, so that the scheduler can count bandwidth. Its id is `<uplink>-<number>`. */
export interface BandwidthShare extends CommonDevice {
  readonly kind: "bandwidthShare";
  /** Name of the uplink whose bandwidth is shared. */
  readonly link: string;
  /** Size of this share in bits per second. */
  readonly rate: number;
}

/** What a pool of functions is made of, in the words of the device plugin's configuration. */
export const FUNCTION_KINDS = ["netDevice", "accelerator", "auxNetDevice"] as const;

/**
 * A PF, VF or other PCI function, or a sub-function of one (`auxNetDevice`). Its id is its PCI address
 * (`0000:86:00.1`), or the name of its auxiliary device (`mlx5_core.sf.2`).
 */
export interface FunctionDevice extends CommonDevice {
  readonly kind: (typeof FUNCTION_KINDS)[number];
  /** Its own, or that of the function a sub-function belongs to. */
  readonly pciAddress: string;
  /** Four hexadecimal digits each, of the PCI function. */
  readonly vendor: string;
  readonly device: string;
  /** The driver it is offered with; undefined while none is bound. */
  readonly driver?: string;
  /** Name of the PF's link, its own where it is no VF; undefined where it has none. */
  readonly pfName?: string;
  /** PCI address of the PF; its own where it is no VF. */
  readonly pfAddress: string;
  /** Number of the VF on its PF, from 0. */
  readonly vfIndex?: number;
  /** Number of the sub-function on its PF, chosen by who made it. */
  readonly sfNumber?: number;
  /** Name of its link on the node now; undefined without one, or while it is inside a pod. */
  readonly link?: string;
  /** `ether`, `infiniband`. */
  readonly linkType?: string;
  /** Names of its RDMA devices, `mlx5_2`. */
  readonly rdmaDevices: readonly string[];
  /** Name of the link that stands for it on its card's switch (switchdev). */
  readonly representor?: string;
  /** The PCI hierarchy it hangs on, `pci0000:80`. */
  readonly pcieRoot?: string;
  readonly iommuGroup?: number;
  /** The number by which the firmware knows its socket. */
  readonly acpiIndex?: number;
}

/** One thing the kubelet counts and hands to a pod. */
export type Device = HostDevice | BandwidthShare | FunctionDevice;

/** What a pool offers. */
export type PoolKind = Device["kind"];

/**
 * Which devices are given together. `numa`: of one NUMA node, else of as few as can be. `pack`: of as few PFs as can be,
 * so that others stay whole; `spread`: of as many PFs as can be; `bond`: each of another PF, or none at all. All keep to
 * one NUMA node where they can.
 */
export const ALLOCATION_POLICIES = ["numa", "pack", "spread", "bond"] as const;

export type AllocationPolicy = (typeof ALLOCATION_POLICIES)[number];

/** Devices that are interchangeable: one resource of the kubelet. */
export interface Pool {
  /** Full resource name, `<prefix>/<name>`, for example `lanyard.dev/nics`. */
  readonly resource: string;
  readonly kind: PoolKind;
  readonly allocation: AllocationPolicy;
  readonly devices: readonly Device[];
}

/** Whether a device is a function, and not a link or a share of one. */
export function isFunctionDevice(device: Device): device is FunctionDevice {
  return device.kind !== "hostDevice" && device.kind !== "bandwidthShare";
}
