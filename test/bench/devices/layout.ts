import { ALLOCATION_POLICIES, type FunctionDevice, type Pool } from "../../../src/model/device.ts";

/** One pool for each policy of allocation. */
export const POOLS = ALLOCATION_POLICIES.length;
export const DEVICES_PER_POOL = 250;
const PFS_PER_POOL = 10;
const VFS_PER_PF = DEVICES_PER_POOL / PFS_PER_POOL;
/** Bus of the first PF; the others follow, one bus each. */
const FIRST_BUS = 0x40;

/**
 * A node as large as they come: 1,000 VFs in four pools, each of ten PFs, half of them on the second NUMA node. Each
 * VF is driven by vfio, so that a container gets what most has to be told of: a group's file, what it is, and a
 * device-info file.
 */
export function layOutPools(): Pool[] {
  return ALLOCATION_POLICIES.map((allocation, number) => ({
    resource: `lanyard.dev/${allocation}`,
    kind: "netDevice",
    allocation,
    devices: Array.from({ length: DEVICES_PER_POOL }, (_, index) => layOutVf(number, index)),
  }));
}

function layOutVf(pool: number, index: number): FunctionDevice {
  const pf = pool * PFS_PER_POOL + Math.floor(index / VFS_PER_PF);
  const vfIndex = index % VFS_PER_PF;
  const bus = (FIRST_BUS + pf).toString(16).padStart(2, "0");
  // The PF is function 0, and a slot holds eight functions (SR-IOV specification, "First VF Offset" of 1).
  const slot = Math.floor((vfIndex + 1) / 8);
  const id = `0000:${bus}:${slot.toString(16).padStart(2, "0")}.${(vfIndex + 1) % 8}`;
  const pfAddress = `0000:${bus}:00.0`;
  const iommuGroup = 100 + pool * DEVICES_PER_POOL + index;
  const numaNode = index < DEVICES_PER_POOL / 2 ? 0 : 1;
  const node = (hostPath: string) => ({ hostPath, containerPath: hostPath, permissions: "rw" });
  return {
    kind: "netDevice",
    id,
    pciAddress: id,
    pfAddress,
    pfName: `eth${pf}`,
    vfIndex,
    vendor: "8086",
    device: "1889",
    driver: "vfio-pci",
    rdmaDevices: [],
    iommuGroup,
    numaNode,
    topology: [numaNode],
    access: {
      nodes: [node("/dev/vfio/vfio"), node(`/dev/vfio/${iommuGroup}`)],
      mounts: [],
      info: {
        generic: { deviceID: id },
        vfio: { mount: "/dev/vfio/vfio", "dev-mount": `/dev/vfio/${iommuGroup}` },
      },
      deviceInfo: {
        type: "pci",
        version: "1.1.0",
        pci: { "pci-address": id, "pf-pci-address": pfAddress },
      },
    },
    health: { isHealthy: true },
  };
}

/** The same pools with one device's health changed. */
export function withHealth(
  pools: readonly Pool[],
  resource: string,
  id: string,
  isHealthy: boolean,
): readonly Pool[] {
  const health = isHealthy ? { isHealthy } : { isHealthy, reason: "its uplink has no carrier" };
  return pools.map((pool) =>
    pool.resource !== resource
      ? pool
      : { ...pool, devices: pool.devices.map((each) => (each.id === id ? { ...each, health } : each)) },
  );
}

/** A device and the resource it belongs to. */
export interface LaidOutDevice {
  readonly resource: string;
  readonly id: string;
}

/** Every device; neighbours are of different pools, as pods come. */
export function laidOutDevices(pools: readonly Pool[]): LaidOutDevice[] {
  return Array.from({ length: DEVICES_PER_POOL }, (_, index) =>
    pools.map(({ resource, devices }) => ({ resource, id: devices[index]?.id as string })),
  ).flat();
}
