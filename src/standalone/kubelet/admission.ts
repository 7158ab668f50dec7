import { toBinary } from "@bufbuild/protobuf";
import { errorText, InvalidValueError, LanyardError } from "../../model/errors.ts";
import { isExtendedResourceName } from "../../model/names.ts";
import { type PodIdentity, podKey } from "../../model/pod.ts";
import { ContainerAllocateResponseSchema } from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import type { DeviceEntry, Ledger } from "./ledger.ts";
import type { PluginTable } from "./plugin-table.ts";

/** What one container of a pod asks for: how many of which resource. Names such as `cpu` are not looked at. */
export interface ContainerRequest {
  readonly name: string;
  readonly resources: Readonly<Record<string, number>>;
}

/** A pod did not get its devices. The message is what the real kubelet writes into the pod's status. */
export class AdmissionError extends LanyardError {
  /** The pod's `status.reason`. */
  readonly reason = "UnexpectedAdmissionError";

  constructor(pod: PodIdentity, error: unknown) {
    const code = error instanceof LanyardError ? error.code : "internal";
    const text = `Allocate failed due to ${errorText(error)}, which is unexpected`;
    super(code, `pod ${podKey(pod)}: ${text}`, { cause: error });
  }
}

/**
 * Gives a pod's containers what they lack, and tells what was given. What a container already has stays as it is,
 * whether healthy or not: it runs, and the real kubelet does not ask again for a container that runs.
 * @returns the new entries; the ledger holds them already
 * @throws AdmissionError when any of it cannot be had; nothing new is in the ledger then
 */
export async function giveDevices(
  ledger: Ledger,
  plugins: PluginTable,
  pod: PodIdentity,
  containers: readonly ContainerRequest[],
): Promise<DeviceEntry[]> {
  const added: DeviceEntry[] = [];
  try {
    for (const container of containers) {
      for (const [resource, count] of Object.entries(container.resources)) {
        if (!isExtendedResourceName(resource)) continue;
        checkCount(pod, container.name, resource, count);
        const held = ledger.entryOf(pod.uid, container.name, resource);
        if (held === undefined && count === 0) continue;
        if (held !== undefined) {
          checkUnchanged(held, count);
          continue;
        }
        const entry = await allocate(ledger, plugins, pod.uid, container.name, resource, count);
        ledger.add(entry);
        added.push(entry);
      }
    }
    return added;
  } catch (error) {
    ledger.remove((entry) => added.includes(entry));
    throw new AdmissionError(pod, error);
  }
}

/** One container's share of one resource, in the order of checks and calls of the real device manager. */
async function allocate(
  ledger: Ledger,
  plugins: PluginTable,
  podUid: string,
  container: string,
  resource: string,
  count: number,
): Promise<DeviceEntry> {
  if (!ledger.isKnown(resource)) {
    throw new LanyardError("unavailable", `cannot allocate unregistered device ${resource}`);
  }
  if (ledger.healthyIds(resource).size === 0) {
    throw new LanyardError(
      "unavailable",
      `no healthy devices present; cannot allocate unhealthy devices ${resource}`,
    );
  }
  const available = [...ledger.availableIds(resource)].sort();
  if (available.length < count) {
    throw new LanyardError(
      "unavailable",
      `requested number of devices unavailable for ${resource}. Requested: ${count}, Available: ${available.length}`,
    );
  }
  const plugin = plugins.get(resource);
  if (plugin === undefined) throw new LanyardError("unavailable", `unknown Device Plugin ${resource}`);
  const preferred = await plugin.prefer(available, count);
  const usable = preferred.filter((id) => available.includes(id));
  const ids = [...new Set([...usable, ...available])].slice(0, count).sort();
  const response = await plugin.allocate(ids);
  return { podUid, container, resource, ids, response: toBinary(ContainerAllocateResponseSchema, response) };
}

function checkCount(pod: PodIdentity, container: string, resource: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new InvalidValueError(
    `pod ${podKey(pod)} container ${container} resources[${resource}]`,
    count,
    "a whole number, 0 or more",
  );
}

function checkUnchanged(held: DeviceEntry, count: number): void {
  if (held.ids.length === count) return;
  throw new LanyardError(
    "conflict",
    `pod "${held.podUid}" container "${held.container}" changed request for resource "${held.resource}" from ${held.ids.length} to ${count}`,
  );
}
