import type { NodeLink } from "../../../src/inventory/link.ts";
import type { NodeReading } from "../../../src/inventory/node.ts";
import { describeFunctions, type NodeFunction } from "../../../src/inventory/node-function.ts";
import type { FunctionFacts } from "../../../src/linux/sysfs/function-facts.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";
import type {
  BandwidthPoolConfig,
  FunctionPoolConfig,
  FunctionSelector,
  HostDevicePoolConfig,
} from "../../../src/model/pool-config.ts";

/** The two PFs of the samples' card, and the names of their links. */
export const PF0 = "0000:86:00.0";
export const PF1 = "0000:86:00.1";

let lastIndex = 0;

/** A link that is up with carrier; its index is one that no other sample has. */
export function link(name: string, facts: Partial<NodeLink> = {}): NodeLink {
  lastIndex++;
  return {
    name,
    altNames: [],
    index: lastIndex,
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    isUp: true,
    hasCarrier: true,
    operState: "up",
    lowers: [],
    hasDefaultRoute: false,
    isLoopback: false,
    ...facts,
  };
}

/** A network card's function with the driver ice and no link. */
export function pci(name: string, facts: Partial<FunctionFacts> = {}): FunctionFacts {
  return {
    bus: "pci",
    name,
    pciAddress: name,
    vendor: "8086",
    device: "1592",
    class: "020000",
    driver: "ice",
    isNoIommu: false,
    links: [],
    rdma: [],
    ...facts,
  };
}

/** VF `vfIndex` of a PF: `0000:86:01.<vfIndex>` of PF0, `0000:86:11.<vfIndex>` of PF1; its driver is iavf. */
export function vf(pf: string, vfIndex: number, facts: Partial<FunctionFacts> = {}): FunctionFacts {
  const name = vfAddress(pf, vfIndex);
  return pci(name, { device: "1889", driver: "iavf", pf, vfIndex, ...facts });
}

export function vfAddress(pf: string, vfIndex: number): string {
  return `0000:86:${pf === PF0 ? "01" : "11"}.${vfIndex}`;
}

/** Sub-function `mlx5_core.sf.<id>` of a PF. */
export function sf(pf: string, id: number, sfNumber: number, facts: Partial<FunctionFacts> = {}) {
  const name = `mlx5_core.sf.${id}`;
  return pci(name, { bus: "auxiliary", pciAddress: pf, driver: "mlx5_core.sf", pf, sfNumber, ...facts });
}

/** A PF whose VFs are used, with its link, and `count` VFs. */
export function card(pf: string, linkName: string, count: number, of: Partial<FunctionFacts> = {}) {
  return [
    pci(pf, { vfCount: count, mostVfs: 64, links: [linkName] }),
    ...Array.from({ length: count }, (_, number) => vf(pf, number, of)),
  ];
}

/** A node with nothing but what a test gives it. */
export function node(facts: Partial<NodeReading> = {}): NodeReading {
  return {
    functions: [],
    links: [],
    deviceFiles: new Set(),
    cards: new Map(),
    disabledVfs: new Set(),
    recentPciErrors: new Map(),
    unsettled: new Set(),
    ...facts,
  };
}

/** One function of a node with all that is found about it. */
export function functionOf(reading: NodeReading, name: string): NodeFunction {
  const found = describeFunctions(reading).find(({ facts }) => facts.name === name);
  if (found === undefined) throw new Error(`the sample has no function ${name}`);
  return found;
}

export function selector(fields: Partial<FunctionSelector> = {}): FunctionSelector {
  return { isRdma: false, needVhostNet: false, ...fields };
}

const common = { prefix: "intel.com", allocation: "numa", health: DEFAULT_HEALTH_POLICY } as const;

/** A pool of net devices, `intel.com/<name>`, whose one selector takes every function. */
export function functionPool(name: string, fields: Partial<FunctionPoolConfig> = {}): FunctionPoolConfig {
  return {
    ...common,
    kind: "netDevice",
    name,
    selectors: [selector()],
    additionalInfo: {},
    excludeTopology: false,
    ...fields,
  };
}

/** `lanyard.dev/nics`, of the links that match `nic*`. */
export function linkPool(fields: Partial<HostDevicePoolConfig> = {}): HostDevicePoolConfig {
  return { ...common, kind: "hostDevice", prefix: "lanyard.dev", name: "nics", links: ["nic*"], ...fields };
}

/** `lanyard.dev/bw`, shares of 50 Mbit/s of up0. */
export function bandwidthPool(fields: Partial<BandwidthPoolConfig> = {}): BandwidthPoolConfig {
  const share = 50_000_000;
  return {
    ...common,
    kind: "bandwidthShare",
    prefix: "lanyard.dev",
    name: "bw",
    uplink: "up0",
    share,
    ...fields,
  };
}
