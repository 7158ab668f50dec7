import type { AttachmentOwner, NetworkReference, PodAttachments } from "../../model/attachment.ts";
import { LanyardError } from "../../model/errors.ts";
import { type AssignedDevice, podKey } from "../../model/pod.ts";
import type { AttachmentRequest, LinkRequest, UsedDevice } from "../request.ts";
import { BandwidthBudget } from "./bandwidth-budget.ts";
import { type Choice, chooseDevices, type DeviceWant } from "./devices-of-pod.ts";
import { type FoundNetwork, type FoundReference, findNetwork } from "./network.ts";
import { resolvePlugins } from "./plugins.ts";
import { resolveProfile } from "./profile.ts";
import type { ResolverSources, Resolving } from "./sources.ts";
import { resolveStanding } from "./standing.ts";

export type { ResolverSources } from "./sources.ts";

/** What one reference came to: a request, or why there is none. */
export type Resolved =
  | { readonly reference: NetworkReference; readonly request: AttachmentRequest }
  | { readonly reference: NetworkReference; readonly error: LanyardError };

/** A reference whose network is known. */
interface Known extends FoundReference {
  readonly who: string;
}

/**
 * Turns a pod's references into requests, each in its own place. `held` is what the pod's interfaces were made by, by their
 * names: they keep their devices, and a link that is in the pod is found no more by what it is called on the node. `owners`
 * are those of interfaces that stay whose they are, whoever asks now. What the pod was given is asked for only where that must
 * be known.
 */
export async function resolveReferences(
  wanted: PodAttachments,
  sources: ResolverSources,
  held: ReadonlyMap<string, AttachmentRequest>,
  owners: ReadonlyMap<string, AttachmentOwner> = new Map(),
): Promise<Resolved[]> {
  const { pod, references } = wanted;
  const ask = once(() => sources.assignments.assignedTo(pod));
  const found = await Promise.all(
    references.map((reference) => {
      const who = `pod ${podKey(pod)}, interface ${reference.interfaceName}`;
      return orError(async (): Promise<Known> => {
        const each = { ...(await findNetwork(reference, pod, who, sources)), who };
        refuseIdleContainer(each);
        return each;
      });
    }),
  );
  const known = found.flatMap((each) => (each instanceof LanyardError ? [] : [each]));
  const wants = known.flatMap((each) => wantOf(each, held.get(each.reference.interfaceName)?.link) ?? []);
  const names = new Set(references.map(({ interfaceName }) => interfaceName));
  const others = [...held.values()].filter(({ interfaceName }) => !names.has(interfaceName));
  const choices = await chooseDevices(pod, [...others.flatMap(wantOfOther), ...wants], ask);
  const budget = new BandwidthBudget(ask, sources.devices);
  for (const other of others) budget.count(other);

  const resolved: Resolved[] = [];
  for (const [position, reference] of references.entries()) {
    const one = found[position] as Known | LanyardError;
    const request = await orError(async () => {
      if (one instanceof LanyardError) throw one;
      const device = deviceOf(choices.get(reference.interfaceName));
      const interfaceIs = held.get(reference.interfaceName)?.link;
      const owner = owners.get(reference.interfaceName) ?? wanted.owner;
      const made = await resolve(one.network, {
        sources,
        pod,
        ...(owner !== undefined && { owner }),
        reference: one.reference,
        who: one.who,
        ...(device !== undefined && { device }),
        ...(interfaceIs !== undefined && { held: interfaceIs }),
      });
      await budget.spend(made);
      return made;
    });
    resolved.push(request instanceof LanyardError ? { reference, error: request } : { reference, request });
  }
  return resolved;
}

async function resolve(network: FoundNetwork, resolving: Resolving): Promise<AttachmentRequest> {
  switch (network.kind) {
    case "profile":
      return resolveProfile(network.name, network.profile, resolving);
    case "plugins":
      return resolvePlugins(network.name, network.configuration, resolving);
    case "standing":
      return resolveStanding(resolving);
  }
}

/** Which device a reference needs; undefined where it needs none. */
function wantOf({ network, reference }: Known, held: LinkRequest | undefined): DeviceWant | undefined {
  const { interfaceName, deviceId, containerName } = reference;
  const resource = resourceOf(network);
  // Callers name a device wherever the pod has one; a network of ours that uses none passes it over.
  const isNamed = network.kind === "plugins" && deviceId !== undefined;
  if (resource === undefined && !isNamed) return undefined;
  const device = heldDevice(held);
  return {
    interfaceName,
    ...(resource !== undefined && { resource }),
    ...(deviceId !== undefined && { deviceId }),
    ...(containerName !== undefined && { containerName }),
    // Resources also count what is no device, such as a bridge of the node, of which the kubelet gives none away.
    isOptional: network.kind === "plugins" && containerName === undefined,
    ...(device !== undefined && { held: device }),
  };
}

/** What an interface of the pod has that is not spoken of: it stays its own. */
function wantOfOther({ interfaceName, link }: AttachmentRequest): DeviceWant[] {
  const device = heldDevice(link);
  return device === undefined ? [] : [{ interfaceName, held: device }];
}

function heldDevice(link: LinkRequest | undefined): UsedDevice | undefined {
  return link !== undefined && "device" in link ? link.device : undefined;
}

/** Somebody who names a container expects its device to be used. */
function refuseIdleContainer({ network, reference, who }: Known): void {
  const { deviceId, containerName } = reference;
  const usesDevice =
    resourceOf(network) !== undefined || (network.kind === "plugins" && deviceId !== undefined);
  if (usesDevice || containerName === undefined) return;
  throw new LanyardError(
    "invalid",
    `${who}: it names the container "${containerName}", but its network uses no device; expected no container`,
  );
}

function resourceOf(network: FoundNetwork): string | undefined {
  if (network.kind === "plugins") return network.resourceName;
  const profile = network.kind === "profile" ? network.profile : undefined;
  return profile?.type === "hostDevice" || profile?.type === "sriov" ? profile.resourceName : undefined;
}

function deviceOf(choice: Choice) {
  if (choice instanceof LanyardError) throw choice;
  return choice;
}

/** What the work gives, or why it could not be done. */
async function orError<T>(work: () => Promise<T>): Promise<T | LanyardError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LanyardError) return error;
    throw error;
  }
}

/** The same answer for all who ask. */
function once(ask: () => Promise<readonly AssignedDevice[]>): () => Promise<readonly AssignedDevice[]> {
  let answer: Promise<readonly AssignedDevice[]> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
