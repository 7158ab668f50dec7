import { parseInterfaceAddress, parseMac } from "../model/address.ts";
import type { NetworkReference } from "../model/attachment.ts";
import { podOf } from "../model/cni/environment.ts";
import type { BandwidthLimits } from "../model/cni/network-configuration.ts";
import type { OwnRole } from "../model/cni/own-plugin.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import { parsePodReferences } from "../model/pod-references.ts";
import type { PodAnnotations } from "../model/ports.ts";
import { annotatedLimits, meaningfulLimits } from "./bandwidth.ts";
import { ANNOTATIONS_CAPABILITY } from "./conflist.ts";
import type { PluginWishes } from "./plugin-input.ts";
import type { PodCall } from "./pod-call.ts";

export interface ReferenceSources {
  /** Undefined where nobody knows the cluster's pods. */
  readonly pods: PodAnnotations | undefined;
  /** Networks that every pod gets, and the namespaces whose pods do not. */
  readonly defaultNetworks: readonly string[];
  readonly systemNamespaces: readonly string[];
}

/** The interfaces that an ADD is to make or change. Throws LanyardError. */
export async function readReferences(
  call: PodCall,
  role: OwnRole,
  wishes: PluginWishes,
  sources: ReferenceSources,
): Promise<readonly NetworkReference[]> {
  switch (role.kind) {
    case "podNetworks":
      return await podNetworks(call, role.shapesInterface, wishes, sources);
    case "network":
      return [networkOfItsOwn(call, role, wishes)];
    case "shaping":
      return [standing(call, meaningfulLimits(wishes.bandwidth), role.qosClassName)];
  }
}

async function podNetworks(
  call: PodCall,
  shapesInterface: boolean,
  wishes: PluginWishes,
  { pods, defaultNetworks, systemNamespaces }: ReferenceSources,
): Promise<readonly NetworkReference[]> {
  const pod = podOf(call);
  const place = `pod ${podKey(pod)}`;
  const annotations = wishes.annotations ?? (await annotationsOf(pod, pods));
  const everyones = systemNamespaces.includes(pod.namespace) ? [] : defaultNetworks;
  const references = parsePodReferences(annotations, pod.namespace, place, everyones);
  const limits = shapesInterface ? (wishes.bandwidth ?? annotatedLimits(annotations, place)) : undefined;
  const bandwidth = meaningfulLimits(limits);
  return bandwidth === undefined ? references : [...references, standing(call, bandwidth, undefined)];
}

/** A pod of which nothing can be learned does not start: it may need what nobody would give it. */
async function annotationsOf(
  pod: PodIdentity,
  pods: PodAnnotations | undefined,
): Promise<Readonly<Record<string, string>>> {
  // A runtime that knows no Kubernetes has no annotations.
  if (pod.namespace === "") return {};
  if (pods === undefined) {
    throw new LanyardError(
      "unavailable",
      `pod ${podKey(pod)}: its annotations are not known: the runtime does not hand them over (capability ` +
        `${ANNOTATIONS_CAPABILITY}, which containerd has), and there is no cluster to ask`,
    );
  }
  const annotations = await pods.annotations(pod);
  if (annotations !== undefined) return annotations;
  throw new NotFoundError(
    `pod ${podKey(pod)} with uid ${pod.uid} is not known, and so what it asks for is not`,
  );
}

function networkOfItsOwn(
  { interfaceName, args }: PodCall,
  role: Extract<OwnRole, { readonly kind: "network" }>,
  wishes: PluginWishes,
): NetworkReference {
  const address = args.get("IP");
  const mac = wishes.mac ?? (args.get("MAC") && parseMac(args.get("MAC"), "CNI_ARGS MAC"));
  const ips =
    wishes.ips.length > 0 || !address ? wishes.ips : [parseInterfaceAddress(address, "CNI_ARGS IP")];
  const bandwidth = meaningfulLimits(wishes.bandwidth);
  return {
    target: role.target,
    interfaceName,
    ips,
    isDefaultGateway: role.isDefaultGateway,
    ...(role.qosClassName !== undefined && { qosClassName: role.qosClassName }),
    ...(mac && { mac }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(wishes.deviceId !== undefined && { deviceId: wishes.deviceId }),
  };
}

/** The interface of the plugins before. */
function standing(
  { interfaceName }: PodCall,
  bandwidth: BandwidthLimits | undefined,
  qosClassName: string | undefined,
): NetworkReference {
  return {
    target: { kind: "StandingInterface" },
    interfaceName,
    ips: [],
    isDefaultGateway: false,
    ...(qosClassName !== undefined && { qosClassName }),
    ...(bandwidth !== undefined && { bandwidth }),
  };
}
