import { allocationFor } from "../kubelet/allocation.ts";
import { type Device, type DeviceNode, isFunctionDevice, type Pool } from "../model/device.ts";
import type { HealthFinding } from "../model/health.ts";

/**
 * What `lanyard devices -o json` prints: every resource with its devices, and for each what a container would get that is
 * given this device alone. Every field is always there, null where it is not known or does not apply. Fields are added,
 * never renamed or taken away.
 */
export interface DevicesDocument {
  readonly resources: readonly ResourceDescription[];
  /** What is not offered and why, and mistakes in the configuration, one sentence each. */
  readonly notes: readonly string[];
}

export interface ResourceDescription {
  /** `<prefix>/<name>`. */
  readonly name: string;
  readonly devices: readonly DeviceDescription[];
}

export interface DeviceDescription {
  /** What the kubelet counts: a PCI address, an auxiliary device's name, a link's name, or a share. */
  readonly id: string;
  readonly kind: Device["kind"];
  readonly pciAddress: string | null;
  /** Four hexadecimal digits each. */
  readonly vendor: string | null;
  readonly device: string | null;
  readonly driver: string | null;
  readonly pfName: string | null;
  readonly pfAddress: string | null;
  readonly vfIndex: number | null;
  readonly sfNumber: number | null;
  readonly link: string | null;
  readonly numaNode: number | null;
  readonly linkType: string | null;
  /** Its RDMA devices, separated by commas. */
  readonly rdma: string | null;
  readonly representor: string | null;
  readonly pcieRoot: string | null;
  readonly iommuGroup: number | null;
  readonly acpiIndex: number | null;
  /** Bits per second, of a share of bandwidth. */
  readonly rate: number | null;
  readonly env: Readonly<Record<string, string>>;
  readonly deviceSpecs: readonly DeviceNode[];
  readonly mounts: Device["access"]["mounts"];
  /** As the kubelet is told: the NUMA nodes; null when it is told none. */
  readonly topology: { readonly nodes: readonly { readonly ID: number }[] } | null;
  /** As the kubelet is told. */
  readonly health: "Healthy" | "Unhealthy";
  /** Why it is unhealthy. */
  readonly reason: string | null;
  /** Everything that was found, also what is only reported. */
  readonly findings: readonly HealthFinding[];
}

/** Puts pools into the form that is promised. Pure. */
export function describeDevices(pools: readonly Pool[], notes: readonly string[]): DevicesDocument {
  return {
    resources: pools.map((pool) => ({
      name: pool.resource,
      devices: pool.devices.map((device) => describe(pool, device)),
    })),
    notes,
  };
}

function describe(pool: Pool, device: Device): DeviceDescription {
  const { envs, nodes, mounts } = allocationFor(pool, [device]);
  const ofFunction = isFunctionDevice(device) ? device : undefined;
  return {
    id: device.id,
    kind: device.kind,
    pciAddress: ofFunction?.pciAddress ?? null,
    vendor: ofFunction?.vendor ?? null,
    device: ofFunction?.device ?? null,
    driver: ofFunction?.driver ?? null,
    pfName: ofFunction?.pfName ?? null,
    pfAddress: ofFunction?.pfAddress ?? null,
    vfIndex: ofFunction?.vfIndex ?? null,
    sfNumber: ofFunction?.sfNumber ?? null,
    link: device.link ?? null,
    numaNode: device.numaNode ?? null,
    linkType: ofFunction?.linkType ?? null,
    rdma:
      ofFunction === undefined || ofFunction.rdmaDevices.length === 0
        ? null
        : ofFunction.rdmaDevices.join(","),
    representor: ofFunction?.representor ?? null,
    pcieRoot: ofFunction?.pcieRoot ?? null,
    iommuGroup: ofFunction?.iommuGroup ?? null,
    acpiIndex: ofFunction?.acpiIndex ?? null,
    rate: device.kind === "bandwidthShare" ? device.rate : null,
    env: envs,
    deviceSpecs: nodes,
    mounts,
    topology: device.topology.length === 0 ? null : { nodes: device.topology.map((ID) => ({ ID })) },
    health: device.health.isHealthy ? "Healthy" : "Unhealthy",
    reason: device.health.reason ?? null,
    findings: device.health.findings ?? [],
  };
}
