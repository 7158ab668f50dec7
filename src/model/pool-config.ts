import type { AllocationPolicy, FUNCTION_KINDS } from "./device.ts";
import type { HealthPolicy } from "./health.ts";

interface CommonPoolConfig {
  /** Before the `/` of the resource. */
  readonly prefix: string;
  /** Behind it: `nics` is offered as `lanyard.dev/nics`. */
  readonly name: string;
  readonly allocation: AllocationPolicy;
  readonly health: HealthPolicy;
}

/** A pool of whole links, chosen by patterns of their names (`nic*`). */
export interface HostDevicePoolConfig extends CommonPoolConfig {
  readonly kind: "hostDevice";
  /** Shell patterns: `*`, `?` and `[abc]`. */
  readonly links: readonly string[];
}

/** A pool of equal parts of an uplink's bandwidth. Rates in bits per second. */
export interface BandwidthPoolConfig extends CommonPoolConfig {
  readonly kind: "bandwidthShare";
  /** The uplink's name. */
  readonly uplink: string;
  /** Size of one share. */
  readonly share: number;
  /** What all shares make together; the uplink's speed where absent. */
  readonly total?: number;
}

/**
 * Functions of one PF: all of them, or those with these numbers (of VFs, or of sub-functions). Written `eth0`,
 * `eth0#0,2-7,9`, `0000:86:00.0#0-3`.
 */
export interface FunctionRange {
  /** The PF's name, compared without regard to case, or its PCI address. */
  readonly pf: string;
  /** First and last number of each part; undefined for all functions, empty for none (a range that cannot be read). */
  readonly numbers: readonly (readonly [first: number, last: number])[] | undefined;
}

/**
 * What a function must be to belong to a pool. Every field that is there must hold; of a list, one entry must. Words
 * are compared as they are, vendors, devices and PCI addresses in lower case.
 */
export interface FunctionSelector {
  readonly vendors?: readonly string[];
  readonly devices?: readonly string[];
  readonly drivers?: readonly string[];
  readonly pciAddresses?: readonly string[];
  readonly acpiIndexes?: readonly string[];
  readonly pfNames?: readonly FunctionRange[];
  readonly rootDevices?: readonly FunctionRange[];
  readonly linkTypes?: readonly string[];
  readonly ddpProfiles?: readonly string[];
  /** InfiniBand partition keys, `0x8001`. */
  readonly pKeys?: readonly string[];
  /** Kinds of auxiliary devices; only `sf` is known. */
  readonly auxTypes?: readonly string[];
  /** Only functions with a driver of the kernel's own, none that hands them to programs; written nowhere, policies want it. */
  readonly isKernelDriven?: boolean;
  /** Only functions with RDMA devices, and the container gets those. */
  readonly isRdma: boolean;
  /** The container gets /dev/vhost-net and /dev/net/tun. */
  readonly needVhostNet: boolean;
  /** Only functions with a vDPA device of this kind, and the container gets it. */
  readonly vdpaType?: "vhost" | "virtio";
}

/** A pool of PCI functions or sub-functions. */
export interface FunctionPoolConfig extends CommonPoolConfig {
  readonly kind: (typeof FUNCTION_KINDS)[number];
  /** One of them must match, the first that does decides what a container gets. */
  readonly selectors: readonly FunctionSelector[];
  /** More for the `_INFO` variable: by PCI address, or `*` for every device. */
  readonly additionalInfo: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The kubelet is not told of NUMA nodes. */
  readonly excludeTopology: boolean;
}

/** What a pool is made of. */
export type PoolConfig = HostDevicePoolConfig | BandwidthPoolConfig | FunctionPoolConfig;
