import type { NetworkReference, PodAttachments } from "../model/attachment.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import { matchesLabels } from "../model/label-selector.ts";
import type { LinkProfile } from "../model/link-profile.ts";
import { type AssignedDevice, type PodIdentity, podKey } from "../model/pod.ts";
import { OWN_PROVIDER, type PodNetwork } from "../model/pod-network.ts";
import type { DeviceAssignments, DeviceDirectory, NetworkCatalog } from "../model/ports.ts";
import { BandwidthBudget } from "./bandwidth-budget.ts";
import type { AttachmentRequest, LinkRequest, UsedDevice } from "./request.ts";

/** Types of LinkProfile that can be attached. */
const KNOWN_TYPES = ["hostDevice", "macvlan", "bridge"] as const;

/** What names mean, handed in by the composition root. */
export interface ResolverSources {
  readonly catalog: NetworkCatalog;
  readonly assignments: DeviceAssignments;
  readonly devices: DeviceDirectory;
}

/** What one reference came to: a request, or why there is none. */
export type Resolved =
  | { readonly reference: NetworkReference; readonly request: AttachmentRequest }
  | { readonly reference: NetworkReference; readonly error: LanyardError };

/**
 * Turns a pod's references into requests. Devices are given out in order: each reference to a resource takes
 * the next device of it that the kubelet assigned to the pod, in the order of the containers, except that an
 * interface keeps the device it holds already (`held`, by interface name).
 */
export async function resolveReferences(
  wanted: PodAttachments,
  sources: ResolverSources,
  held: ReadonlyMap<string, UsedDevice>,
): Promise<Resolved[]> {
  const assigned = await sources.assignments.assignedTo(wanted.pod);
  const names = new Set(wanted.references.map((reference) => reference.interfaceName));
  const taken = new Set([...held].filter(([name]) => names.has(name)).map(([, device]) => deviceKey(device)));
  const bandwidth = new BandwidthBudget(assigned, sources.devices);
  return wanted.references.map((reference) => {
    try {
      const request = resolve(reference, wanted.pod, sources, assigned, taken, held);
      bandwidth.spend(request);
      return { reference, request };
    } catch (error) {
      if (error instanceof LanyardError) return { reference, error };
      throw error;
    }
  });
}

function resolve(
  reference: NetworkReference,
  pod: PodIdentity,
  sources: ResolverSources,
  assigned: readonly AssignedDevice[],
  taken: Set<string>,
  held: ReadonlyMap<string, UsedDevice>,
): AttachmentRequest {
  const { catalog } = sources;
  const who = `pod ${podKey(pod)}, interface ${reference.interfaceName}`;
  const tuned =
    reference.target.kind === "PodNetworkAttachment"
      ? required(
          catalog.podNetworkAttachment(pod.namespace, reference.target.name),
          `${who}: no PodNetworkAttachment "${reference.target.name}" in namespace ${pod.namespace}`,
        )
      : undefined;
  const network = findNetwork(catalog, tuned?.podNetworkName ?? reference.target.name, pod, who);
  const profile = findProfile(catalog, network, who);
  const className = reference.qosClassName ?? tuned?.qosClassName ?? profile.qosClassName;
  const qosClass =
    className === undefined
      ? undefined
      : required(catalog.qosClass(className), `${who}: no QosClass "${className}"`);
  const link = resolveLink(profile, reference.interfaceName, who, sources.devices, assigned, taken, held);
  const own = reference.ips.length > 0 ? reference.ips : (tuned?.ips ?? []);
  const addresses = own.length > 0 ? own : profile.ipam.addresses.map(({ address }) => address);
  const mac = reference.mac ?? tuned?.mac ?? profile.mac;
  return {
    pod,
    interfaceName: reference.interfaceName,
    podNetworkName: network.name,
    link,
    addresses,
    routes: [
      ...profile.routes.map(({ dst, gw }) => ({
        destination: dst,
        ...(gw === undefined ? {} : { gateway: gw }),
      })),
      ...(reference.isDefaultGateway ? defaultRoutes(profile, addresses, who) : []),
    ],
    ...(mac === undefined ? {} : { mac }),
    ...(profile.mtu === undefined ? {} : { mtu: profile.mtu }),
    ...(qosClass === undefined ? {} : { qosClass }),
  };
}

function findNetwork(catalog: NetworkCatalog, name: string, pod: PodIdentity, who: string): PodNetwork {
  const network = required(catalog.podNetwork(name), `${who}: no PodNetwork "${name}"`);
  if (!network.enabled) {
    throw new LanyardError("unavailable", `${who}: PodNetwork "${name}" is disabled (spec.enabled is false)`);
  }
  if (network.provider !== OWN_PROVIDER) {
    throw new LanyardError(
      "unsupported",
      `${who}: PodNetwork "${name}" belongs to provider ${network.provider}; this agent serves ${OWN_PROVIDER}`,
    );
  }
  // The one label every namespace has (kube-apiserver sets it), and the only one known without an API server.
  const labels = { "kubernetes.io/metadata.name": pod.namespace };
  if (network.namespaceSelector !== undefined && !matchesLabels(network.namespaceSelector, labels)) {
    throw new LanyardError(
      "invalid",
      `${who}: PodNetwork "${name}" does not admit pods of namespace ${pod.namespace} (spec.namespaceSelector)`,
    );
  }
  return network;
}

function findProfile(catalog: NetworkCatalog, network: PodNetwork, who: string): LinkProfile {
  const reference = network.parametersRefs.find((each) => each.kind === "LinkProfile");
  if (reference === undefined) {
    throw new LanyardError(
      "invalid",
      `${who}: PodNetwork "${network.name}" names no LinkProfile in spec.parametersRefs; expected one of group ` +
        "lanyard.dev and kind LinkProfile",
    );
  }
  return required(
    catalog.linkProfile(reference.name),
    `${who}: no LinkProfile "${reference.name}", which PodNetwork "${network.name}" refers to`,
  );
}

function resolveLink(
  profile: LinkProfile,
  interfaceName: string,
  who: string,
  devices: DeviceDirectory,
  assigned: readonly AssignedDevice[],
  taken: Set<string>,
  held: ReadonlyMap<string, UsedDevice>,
): LinkRequest {
  switch (profile.type) {
    case "macvlan":
      return { type: "macvlan", parent: profile.parent, mode: profile.mode };
    case "bridge":
      if (profile.vlan === undefined) return { type: "bridge", parent: profile.parent };
      throw new LanyardError(
        "unsupported",
        `${who}: LinkProfile "${profile.name}" sets vlan on a bridge port, which this version cannot do; leave it out`,
      );
    case "hostDevice": {
      const device = takeDevice(profile.resourceName, interfaceName, who, assigned, taken, held);
      const found = devices.findDevice(device.resource, device.id);
      if (found === undefined || found.kind !== "hostDevice") {
        throw new NotFoundError(
          `${who}: ${device.resource} has no host device "${device.id}" on this node now`,
        );
      }
      return { type: "hostDevice", link: found.link, device };
    }
    default:
      throw new LanyardError(
        "unsupported",
        `${who}: LinkProfile "${profile.name}" has type ${profile.type}, which this version cannot attach; ` +
          `it can attach ${KNOWN_TYPES.join(", ")}`,
      );
  }
}

function takeDevice(
  resource: string,
  interfaceName: string,
  who: string,
  assigned: readonly AssignedDevice[],
  taken: Set<string>,
  held: ReadonlyMap<string, UsedDevice>,
): UsedDevice {
  const kept = held.get(interfaceName);
  if (kept?.resource === resource) return kept;
  const ofResource = assigned.filter((device) => device.resource === resource);
  const free = ofResource.find((device) => !taken.has(deviceKey(device)));
  if (free === undefined) {
    throw new LanyardError(
      "unavailable",
      `${who}: no ${resource} left; the pod was given ${ofResource.length}. Request one per interface in ` +
        "spec.containers[].resources.limits",
    );
  }
  taken.add(deviceKey(free));
  return { resource: free.resource, id: free.id, container: free.container };
}

function defaultRoutes(profile: LinkProfile, addresses: readonly string[], who: string) {
  const gateways = profile.ipam.addresses
    .map(({ gateway }) => gateway)
    .filter((gateway) => gateway !== undefined);
  const families = new Set(addresses.map((address) => address.includes(":")));
  const routes = gateways
    .filter((gateway) => families.has(gateway.includes(":")))
    .map((gateway) => ({ destination: gateway.includes(":") ? "::/0" : "0.0.0.0/0", gateway }));
  if (routes.length > 0) return routes;
  throw new LanyardError(
    "invalid",
    `${who}: isDefaultGateway is set, but LinkProfile "${profile.name}" names no gateway; expected one in ` +
      "spec.ipam.addresses[].gateway",
  );
}

function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new NotFoundError(message);
  return value;
}

function deviceKey(device: { resource: string; id: string }): string {
  return `${device.resource}=${device.id}`;
}
