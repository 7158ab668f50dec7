import type { NodeLink } from "../inventory/link.ts";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import { type Device, isFunctionDevice, type Pool } from "../model/device.ts";
import type { HealthFinding } from "../model/health.ts";
import { API_VERSION } from "../model/object.ts";
import type { DeviceUse } from "../model/ports.ts";
import type { PfStatus, PolicyStatus } from "../provisioning/status.ts";

/** A NIC or other function of the node. What is not known is left out. */
export interface NodeFunctionStatus {
  /** PCI address, or the name of an auxiliary device. */
  readonly name: string;
  readonly vendor: string;
  readonly device: string;
  readonly driver?: string;
  readonly numaNode?: number;
  /** PCI address of the PF of a VF or sub-function, and which it is there. */
  readonly pf?: string;
  readonly vfIndex?: number;
  readonly numVfs?: number;
  readonly totalVfs?: number;
  readonly link?: string;
  /** Bits per second. */
  readonly speed?: number;
  /** The resource it is offered as, and how it is as that. */
  readonly resource?: string;
  readonly healthy?: boolean;
  readonly findings?: readonly HealthFinding[];
}

/** One resource of the node, in numbers of devices. */
export interface PoolStatus {
  readonly resource: string;
  readonly capacity: number;
  readonly allocated: number;
  readonly unhealthy: number;
}

/** The object of kind NodeNetwork: what the agent says of its node. Status only. */
export interface NodeNetwork {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: "NodeNetwork";
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly functions: readonly NodeFunctionStatus[];
    readonly pools: readonly PoolStatus[];
    /** The PFs that policies are for. */
    readonly pfs: readonly PfStatus[];
    /** What became of every policy for this node. */
    readonly policies: readonly PolicyStatus[];
  };
}

export interface NodeNetworkFacts {
  readonly nodeName: string;
  readonly functions: readonly FunctionFacts[];
  readonly links: readonly NodeLink[];
  readonly pools: readonly Pool[];
  readonly uses: readonly DeviceUse[];
  readonly pfs: readonly PfStatus[];
  readonly policies: readonly PolicyStatus[];
}

/** Puts together what is known of the node. Pure. */
export function describeNodeNetwork(facts: NodeNetworkFacts): NodeNetwork {
  const links = new Map(facts.links.map((link) => [link.name, link]));
  const offers = new Map(
    facts.pools.flatMap(({ resource, devices }) =>
      devices.filter(isFunctionDevice).map((device) => [device.id, { resource, device }] as const),
    ),
  );
  const used = new Set(facts.uses.map(({ resource, id }) => `${resource}=${id}`));
  return {
    apiVersion: API_VERSION,
    kind: "NodeNetwork",
    metadata: { name: facts.nodeName },
    status: {
      functions: facts.functions.map((each) => describeFunction(each, links, offers.get(each.name))),
      pools: facts.pools.map(({ resource, devices }) => ({
        resource,
        capacity: devices.length,
        allocated: devices.filter(({ id }) => used.has(`${resource}=${id}`)).length,
        unhealthy: devices.filter(({ health }) => !health.isHealthy).length,
      })),
      pfs: facts.pfs,
      policies: facts.policies,
    },
  };
}

function describeFunction(
  facts: FunctionFacts,
  links: ReadonlyMap<string, NodeLink>,
  offer: { readonly resource: string; readonly device: Device } | undefined,
): NodeFunctionStatus {
  const { name, vendor, device, driver, numaNode, pf, vfIndex, vfCount, mostVfs } = facts;
  const [link] = facts.links;
  const speed = link === undefined ? undefined : links.get(link)?.speed;
  const health = offer?.device.health;
  return {
    name,
    vendor,
    device,
    ...(driver !== undefined && { driver }),
    ...(numaNode !== undefined && { numaNode }),
    ...(pf !== undefined && { pf }),
    ...(vfIndex !== undefined && { vfIndex }),
    ...(vfCount !== undefined && { numVfs: vfCount }),
    ...(mostVfs !== undefined && { totalVfs: mostVfs }),
    ...(link !== undefined && { link }),
    ...(speed !== undefined && { speed }),
    ...(offer !== undefined && { resource: offer.resource }),
    ...(health !== undefined && { healthy: health.isHealthy }),
    ...(health?.findings !== undefined && { findings: health.findings }),
  };
}
