import type { NetworkReference } from "../../model/attachment.ts";
import type { NetworkAttachmentDefinition } from "../../model/cni/network-attachment-definition.ts";
import type { NetworkConfiguration } from "../../model/cni/network-configuration.ts";
import { runtimeConfigurationOf } from "../../model/cni/runtime-configuration.ts";
import { LanyardError } from "../../model/errors.ts";
import { matchesLabels } from "../../model/label-selector.ts";
import type { LinkProfile } from "../../model/link-profile.ts";
import type { PodIdentity } from "../../model/pod.ts";
import { OWN_PROVIDER, type ParametersReference, type PodNetwork } from "../../model/pod-network.ts";
import { readOwnEntries } from "./own-entries.ts";
import { catalogued, type ResolverSources, required } from "./sources.ts";

/** What a reference refers to, found. `name` is what attachments say of it. */
export type FoundNetwork =
  | { readonly kind: "profile"; readonly name: string; readonly profile: LinkProfile }
  | {
      readonly kind: "plugins";
      readonly name: string;
      readonly configuration: NetworkConfiguration;
      /** The resource whose devices its attachments use. */
      readonly resourceName?: string;
    }
  | { readonly kind: "standing" };

export interface FoundReference {
  readonly network: FoundNetwork;
  /** With what a PodNetworkAttachment says in place of what it leaves open. */
  readonly reference: NetworkReference;
}

/**
 * Looks up what a reference refers to. `who` begins every message. Throws LanyardError for what is not there, is not for
 * this pod, or is not for this agent.
 */
export async function findNetwork(
  reference: NetworkReference,
  pod: PodIdentity,
  who: string,
  sources: ResolverSources,
): Promise<FoundReference> {
  const found = await findTarget(reference, pod, who, sources);
  if (found.network.kind !== "plugins") return found;
  const { name, configuration } = found.network;
  const own = readOwnEntries(configuration, `${who}: network ${name}`);
  if (own === undefined) return found;
  const { bandwidth: _, ...rest } = found.reference;
  // A class that the network says counts before the rates that a pod wishes for.
  const wished =
    own.qosClassName === undefined ? found.reference : { qosClassName: own.qosClassName, ...rest };
  if (own.kind === "class") {
    return { network: { ...found.network, configuration: own.others }, reference: wished };
  }
  if (reference.target.kind === "PodNetwork" || reference.target.kind === "PodNetworkAttachment") {
    const text = `${who}: PodNetwork "${name}" refers to a network that is a PodNetwork itself; expected a network of other plugins`;
    throw new LanyardError("invalid", text);
  }
  // Refuses what the network does not let pods wish for.
  runtimeConfigurationOf(rest, configuration, who);
  const isDefaultGateway = wished.isDefaultGateway || own.isDefaultGateway;
  return await findNetwork({ ...wished, target: own.target, isDefaultGateway }, pod, who, sources);
}

async function findTarget(
  reference: NetworkReference,
  pod: PodIdentity,
  who: string,
  sources: ResolverSources,
): Promise<FoundReference> {
  const { target } = reference;
  switch (target.kind) {
    case "PodNetwork":
      return { network: await findPodNetwork(target.name, pod, who, sources), reference };
    case "PodNetworkAttachment": {
      const tuned = catalogued(
        () => sources.catalog.podNetworkAttachment(pod.namespace, target.name),
        who,
        `no PodNetworkAttachment "${target.name}" in namespace ${pod.namespace}`,
      );
      const network = await findPodNetwork(tuned.podNetworkName, pod, who, sources);
      return { network, reference: tune(reference, tuned) };
    }
    case "NetworkAttachmentDefinition":
      refuseIsolated(target, pod, who, sources);
      return { network: await findDefinition(target.namespace, target.name, who, sources), reference };
    case "NetworkConfiguration": {
      const { configuration } = target;
      return { network: { kind: "plugins", name: configuration.name, configuration }, reference };
    }
    case "StandingInterface":
      return { network: { kind: "standing" }, reference };
  }
}

/** What the pod itself asks for comes first. */
function tune(
  reference: NetworkReference,
  { mac, ips, qosClassName }: { mac?: string; ips: readonly string[]; qosClassName?: string },
): NetworkReference {
  const isClassOpen = reference.qosClassName === undefined && reference.bandwidth === undefined;
  return {
    ...reference,
    ips: reference.ips.length > 0 ? reference.ips : ips,
    ...(reference.mac === undefined && mac !== undefined && { mac }),
    ...(isClassOpen && qosClassName !== undefined && { qosClassName }),
  };
}

async function findPodNetwork(
  name: string,
  pod: PodIdentity,
  who: string,
  sources: ResolverSources,
): Promise<FoundNetwork> {
  const network = catalogued(() => sources.catalog.podNetwork(name), who, `no PodNetwork "${name}"`);
  refuseUnusable(network, pod, who);
  for (const parameters of network.parametersRefs) {
    if (isProfile(parameters)) {
      const profile = catalogued(
        () => sources.catalog.linkProfile(parameters.name),
        who,
        `no LinkProfile "${parameters.name}", which PodNetwork "${name}" refers to`,
      );
      return { kind: "profile", name, profile };
    }
    if (isDefinition(parameters)) {
      const { namespace } = parameters;
      if (namespace === undefined) {
        throw new LanyardError(
          "invalid",
          `${who}: PodNetwork "${name}" names the NetworkAttachmentDefinition "${parameters.name}" without its ` +
            "namespace; expected it in spec.parametersRefs[].namespace",
        );
      }
      return { ...(await findDefinition(namespace, parameters.name, who, sources)), name };
    }
  }
  throw new LanyardError(
    "invalid",
    `${who}: PodNetwork "${name}" names no LinkProfile in spec.parametersRefs; expected one of group lanyard.dev and ` +
      "kind LinkProfile, or of group k8s.cni.cncf.io and kind NetworkAttachmentDefinition",
  );
}

function refuseUnusable(network: PodNetwork, pod: PodIdentity, who: string): void {
  const { name, enabled, provider, namespaceSelector } = network;
  if (!enabled) {
    throw new LanyardError("unavailable", `${who}: PodNetwork "${name}" is disabled (spec.enabled is false)`);
  }
  if (provider !== OWN_PROVIDER) {
    throw new LanyardError(
      "unsupported",
      `${who}: PodNetwork "${name}" belongs to provider ${provider}; this agent serves ${OWN_PROVIDER}`,
    );
  }
  // The one label every namespace has (kube-apiserver sets it), and the only one known without an API server.
  const labels = { "kubernetes.io/metadata.name": pod.namespace };
  if (namespaceSelector !== undefined && !matchesLabels(namespaceSelector, labels)) {
    throw new LanyardError(
      "invalid",
      `${who}: PodNetwork "${name}" does not admit pods of namespace ${pod.namespace} (spec.namespaceSelector)`,
    );
  }
}

function isProfile({ group, kind }: ParametersReference): boolean {
  return group === "lanyard.dev" && kind === "LinkProfile";
}

function isDefinition({ group, kind }: ParametersReference): boolean {
  return group === "k8s.cni.cncf.io" && kind === "NetworkAttachmentDefinition";
}

function refuseIsolated(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  pod: PodIdentity,
  who: string,
  { isolation }: ResolverSources,
): void {
  if (isolation?.enabled !== true || namespace === pod.namespace) return;
  if (isolation.globalNamespaces.includes(namespace)) return;
  const open = [pod.namespace, ...isolation.globalNamespaces].join(", ");
  throw new LanyardError(
    "invalid",
    `${who}: NetworkAttachmentDefinition ${namespace}/${name} is not for pods of namespace ${pod.namespace}, because ` +
      `cni.namespaceIsolation is on; expected one of namespace ${open}`,
  );
}

async function findDefinition(
  namespace: string,
  name: string,
  who: string,
  { catalog, networks }: ResolverSources,
): Promise<Extract<FoundNetwork, { kind: "plugins" }>> {
  const definition = catalogued(
    () => catalog.networkAttachmentDefinition(namespace, name),
    who,
    `no NetworkAttachmentDefinition "${name}" in namespace ${namespace}`,
  );
  const { resourceName } = definition;
  return {
    kind: "plugins",
    name: `${namespace}/${name}`,
    configuration: definition.configuration ?? (await findOnDisk(definition, who, networks)),
    ...(resourceName !== undefined && { resourceName }),
  };
}

async function findOnDisk(
  { namespace, name }: NetworkAttachmentDefinition,
  who: string,
  networks: ResolverSources["networks"],
): Promise<NetworkConfiguration> {
  return required(
    await networks.networkConfiguration(name),
    `${who}: NetworkAttachmentDefinition ${namespace}/${name} has no spec.config, and no network of the name ${name} is ` +
      `in ${networks.place}`,
  );
}
