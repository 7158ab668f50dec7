import type {
  AllocationPolicy,
  BandwidthShare,
  Device,
  DeviceAccess,
  DeviceNode,
  FunctionDevice,
  HostDevice,
  Pool,
} from "../../../src/model/device.ts";
import type { PoolSource, Unsubscribe } from "../../../src/model/ports.ts";

export const noAccess: DeviceAccess = { nodes: [], mounts: [], info: {} };

export function nic(id: string, more: Partial<HostDevice> = {}): HostDevice {
  const access = { ...noAccess, info: { kind: "hostDevice", link: id } };
  return { kind: "hostDevice", id, link: id, ...common(more.numaNode), access, ...more };
}

export function sick(id: string, reason: string): HostDevice {
  return nic(id, { health: { isHealthy: false, reason } });
}

export function share(id: string, link: string, rate: number): BandwidthShare {
  const access = { ...noAccess, info: { kind: "bandwidthShare", link, rate } };
  return { kind: "bandwidthShare", id, link, rate, ...common(), access };
}

/** A VF of the PF at this address. */
export function vf(
  id: string,
  pfAddress = "0000:01:00.0",
  more: Partial<FunctionDevice> = {},
): FunctionDevice {
  return {
    kind: "netDevice",
    id,
    pciAddress: id,
    pfAddress,
    vendor: "8086",
    device: "154c",
    rdmaDevices: [],
    ...common(more.numaNode),
    ...more,
  };
}

/** What a container gets with a function that vfio drives. */
export function vfioAccess(id: string, group: number): DeviceAccess {
  return {
    nodes: [node("/dev/vfio/vfio"), node(`/dev/vfio/${group}`)],
    mounts: [],
    info: { generic: { deviceID: id }, vfio: { "dev-mount": `/dev/vfio/${group}` } },
    deviceInfo: { type: "pci", version: "1.1.0", pci: { "pci-address": id } },
  };
}

export function node(hostPath: string, containerPath = hostPath): DeviceNode {
  return { hostPath, containerPath, permissions: "rw" };
}

export function poolOf(resource: string, ...devices: readonly Device[]): Pool {
  return policyPool("numa", resource, ...devices);
}

export function policyPool(
  allocation: AllocationPolicy,
  resource: string,
  ...devices: readonly Device[]
): Pool {
  return { resource, kind: devices[0]?.kind ?? "hostDevice", allocation, devices };
}

function common(numaNode?: number) {
  return {
    topology: numaNode === undefined ? [] : [numaNode],
    access: noAccess,
    health: { isHealthy: true },
  };
}

/** Pools that a test changes by hand. */
export class FakePools implements PoolSource {
  readonly #listeners = new Set<() => void>();
  #pools: readonly Pool[];

  constructor(...pools: readonly Pool[]) {
    this.#pools = pools;
  }

  pools(): readonly Pool[] {
    return this.#pools;
  }

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(...pools: readonly Pool[]): void {
    this.#pools = pools;
    for (const listener of this.#listeners) listener();
  }
}
