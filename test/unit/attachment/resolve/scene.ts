import assert from "node:assert/strict";
import type { AttachmentRequest, LinkRequest } from "../../../../src/attachment/request.ts";
import {
  type Resolved,
  type ResolverSources,
  resolveReferences,
} from "../../../../src/attachment/resolve/resolve.ts";
import type { AttachmentOwner, NetworkReference } from "../../../../src/model/attachment.ts";
import type { NetworkAttachmentDefinition } from "../../../../src/model/cni/network-attachment-definition.ts";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import type { Device, FunctionDevice } from "../../../../src/model/device.ts";
import { type Manifest, parseManifest } from "../../../../src/model/manifest.ts";
import type { AssignedDevice } from "../../../../src/model/pod.ts";
import type { FunctionPlace } from "../../../../src/model/ports.ts";

export const pod = { namespace: "shop", name: "web", uid: "1" };
export const NICS = "lanyard.dev/nics";
export const VFS = "lanyard.dev/vfs";
export const FOREIGN_VFS = "intel.com/vfs";
/** CNI_ARGS for programs of the pod. */
export const ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=1";

/** An object of our group, as somebody writes it. */
export function document(kind: string, name: string, spec: Record<string, unknown>, namespace?: string) {
  return {
    apiVersion: "lanyard.dev/v1alpha1",
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec,
  };
}

/** A PodNetwork that refers to a LinkProfile, of its own name unless told otherwise. */
export function network(name: string, spec: Record<string, unknown> = {}, profile = name) {
  return document("PodNetwork", name, {
    parametersRefs: [{ group: "lanyard.dev", kind: "LinkProfile", name: profile }],
    ...spec,
  });
}

/** A network and its profile. */
export function profile(name: string, spec: Record<string, unknown>) {
  return [document("LinkProfile", name, spec), network(name)];
}

/** A NetworkAttachmentDefinition of the pod's namespace; a list of plugins, or one. */
export function definition(
  name: string,
  config: Record<string, unknown> | readonly Record<string, unknown>[] | undefined,
  more: Partial<NetworkAttachmentDefinition> = {},
): NetworkAttachmentDefinition {
  const written = Array.isArray(config) ? { plugins: config } : config;
  return {
    kind: "NetworkAttachmentDefinition",
    namespace: pod.namespace,
    name,
    ...(written !== undefined && {
      configuration: parseNetworkConfiguration({ cniVersion: "1.0.0", ...written }, name, name),
    }),
    ...more,
  };
}

/** A reference to a PodNetwork. */
export function reference(name: string, more: Partial<NetworkReference> = {}): NetworkReference {
  return {
    target: { kind: "PodNetwork", name },
    interfaceName: "net1",
    ips: [],
    isDefaultGateway: false,
    ...more,
  };
}

/** A reference to a NetworkAttachmentDefinition. */
export function selected(name: string, more: Partial<NetworkReference> = {}): NetworkReference {
  return reference("", {
    target: { kind: "NetworkAttachmentDefinition", namespace: pod.namespace, name },
    ...more,
  });
}

export function given(resource: string, id: string, container = "main"): AssignedDevice {
  return { resource, id, container };
}

/** VF 2 of the PF `p0`, driven by the kernel, at an address ending in `.2`; others by what is told. */
export function vf(pciAddress: string, facts: Partial<FunctionPlace> = {}): FunctionPlace {
  return {
    pciAddress,
    pfAddress: "0000:86:00.0",
    pfName: "p0",
    vfIndex: 2,
    link: "p0v2",
    driver: "iavf",
    ...facts,
  };
}

const NO_ACCESS = { nodes: [], mounts: [], info: {} };
const FIT = { topology: [], access: NO_ACCESS, health: { isHealthy: true } } as const;

/** A function of a pool of ours. */
export function functionDevice(id: string, facts: Partial<FunctionDevice> = {}): FunctionDevice {
  return {
    kind: "netDevice",
    id,
    pciAddress: id,
    vendor: "8086",
    device: "1889",
    pfAddress: "0000:86:00.0",
    rdmaDevices: [],
    ...FIT,
    ...facts,
  };
}

/** The request that an interface of the pod was made by. */
export function standing(
  interfaceName: string,
  link: LinkRequest,
  more: Partial<AttachmentRequest> = {},
): AttachmentRequest {
  return { pod, interfaceName, podNetworkName: "held", link, addresses: [], routes: [], ...more };
}

/** A world of names in which references mean something. */
export interface SceneFacts {
  readonly objects?: readonly unknown[];
  readonly definitions?: readonly NetworkAttachmentDefinition[];
  readonly assigned?: readonly AssignedDevice[] | Error;
  readonly functions?: readonly FunctionPlace[];
  /** Devices of our pools; every device of `lanyard.dev/nics` is a link besides, but for `vanished`. */
  readonly devices?: Readonly<Record<string, Device>>;
  readonly more?: Partial<ResolverSources>;
}

export class Scene {
  readonly sources: ResolverSources;
  /** How often somebody asked what the pod was given. */
  questions = 0;

  constructor(facts: SceneFacts) {
    const { objects = [], definitions = [], assigned = [], functions = [], devices = {}, more } = facts;
    const known = objects.map((each) => parseManifest(each, "test"));
    const find = <Kind extends Manifest["kind"]>(kind: Kind, name: string) =>
      known.find(
        (object): object is Extract<Manifest, { kind: Kind }> => object.kind === kind && object.name === name,
      );
    this.sources = {
      catalog: {
        podNetwork: (name) => find("PodNetwork", name),
        linkProfile: (name) => find("LinkProfile", name),
        qosClass: (name) => find("QosClass", name),
        podNetworkAttachment: (namespace, name) => {
          const found = find("PodNetworkAttachment", name);
          return found?.namespace === namespace ? found : undefined;
        },
        networkAttachmentDefinition: (namespace, name) =>
          definitions.find((each) => each.namespace === namespace && each.name === name),
        onChange: () => () => {},
      },
      networks: { place: "/etc/cni/net.d", networkConfiguration: async () => undefined },
      assignments: {
        assignedTo: async () => {
          this.questions++;
          if (assigned instanceof Error) throw assigned;
          return assigned as readonly AssignedDevice[];
        },
      },
      devices: {
        findDevice: (resource, id) =>
          devices[id] ??
          (resource === NICS && id !== "vanished" ? { kind: "hostDevice", id, link: id, ...FIT } : undefined),
        findFunction: (address) => functions.find(({ pciAddress }) => pciAddress === address),
        functionOfLink: () => undefined,
        bandwidthResource: () => undefined,
      },
      links: {
        defaultLink: async () => "up0",
        linkWithMac: () => undefined,
        linkOfDevice: async () => undefined,
      },
      ...more,
    };
  }

  resolve(
    references: readonly NetworkReference[],
    held: ReadonlyMap<string, LinkRequest> = new Map(),
    owner?: AttachmentOwner,
    owners?: ReadonlyMap<string, AttachmentOwner>,
  ): Promise<Resolved[]> {
    const wanted = { pod, namespacePath: "/x", references, ...(owner !== undefined && { owner }) };
    const made = [...held].map(([name, link]) => [name, standing(name, link)] as const);
    return resolveReferences(wanted, this.sources, new Map(made), owners);
  }

  /** The request for one reference that can be resolved. */
  async request(one: NetworkReference, held?: LinkRequest): Promise<AttachmentRequest> {
    const [resolved] = await this.resolve(
      [one],
      held === undefined ? new Map() : new Map([[one.interfaceName, held]]),
    );
    if (resolved !== undefined && "error" in resolved) throw resolved.error;
    assert.ok(resolved !== undefined);
    return resolved.request;
  }

  /** What is wrong with one reference. */
  async error(one: NetworkReference): Promise<string> {
    const [resolved] = await this.resolve([one]);
    assert.ok(resolved !== undefined && "error" in resolved, JSON.stringify(resolved));
    return resolved.error.message;
  }
}
