import type { AssignedDevice, PodIdentity } from "../../model/pod.ts";

/** How many devices of one resource there are, as the node's status would tell it. */
export interface ResourceCount {
  readonly resource: string;
  /** Healthy and unhealthy devices. */
  readonly capacity: number;
  /** Healthy devices, given away or not. */
  readonly allocatable: number;
  /** Devices given to pods. */
  readonly allocated: number;
}

/** A device as its plugin listed it. */
export interface ListedDevice {
  readonly id: string;
  readonly isHealthy: boolean;
  readonly numaNodes: readonly number[];
}

/** What one container has of one resource. */
export interface DeviceEntry {
  readonly podUid: string;
  readonly container: string;
  readonly resource: string;
  readonly ids: readonly string[];
  /** The plugin's ContainerAllocateResponse, in its wire form. */
  readonly response: Uint8Array;
}

interface KnownResource {
  healthy: Set<string>;
  unhealthy: Set<string>;
  numaNodes: Map<string, readonly number[]>;
}

/** The books: which devices exist, and which container has which. Nothing here talks to anyone. */
export class Ledger {
  readonly #resources = new Map<string, KnownResource>();
  #entries: DeviceEntry[] = [];
  /** Pods by UID; a checkpoint knows only the UID, until the pod is admitted again. */
  readonly #pods = new Map<string, PodIdentity>();

  /** Remembers who a pod is. */
  introduce(pod: PodIdentity): void {
    this.#pods.set(pod.uid, pod);
  }

  /** Every pod, also without devices; one of which only the UID is known is called by it, in no namespace. */
  pods(): PodIdentity[] {
    const uids = new Set([...this.#pods.keys(), ...this.#entries.map(({ podUid }) => podUid)]);
    return [...uids].map((uid) => this.#pods.get(uid) ?? { namespace: "", name: uid, uid });
  }

  dismiss(uid: string): void {
    this.#pods.delete(uid);
  }

  counts(): ResourceCount[] {
    return [...this.#resources]
      .map(([resource, { healthy, unhealthy }]) => ({
        resource,
        capacity: healthy.size + unhealthy.size,
        allocatable: healthy.size,
        allocated: this.#allocated(resource).size,
      }))
      .sort((a, b) => (a.resource < b.resource ? -1 : 1));
  }

  isKnown(resource: string): boolean {
    return this.#resources.has(resource);
  }

  /** Makes a resource known without any device: what a restarted kubelet knows before its plugin comes back. */
  expect(resource: string): void {
    if (!this.isKnown(resource)) this.#resources.set(resource, emptyResource());
  }

  /** Takes a plugin's whole list in place of the one before. */
  setDevices(resource: string, devices: readonly ListedDevice[]): void {
    const known = emptyResource();
    for (const { id, isHealthy, numaNodes } of devices) {
      (isHealthy ? known.healthy : known.unhealthy).add(id);
      known.numaNodes.set(id, numaNodes);
    }
    this.#resources.set(resource, known);
  }

  markUnhealthy(resource: string): void {
    const known = this.#resources.get(resource) ?? emptyResource();
    this.#resources.set(resource, known);
    known.unhealthy = known.unhealthy.union(known.healthy);
    known.healthy = new Set();
  }

  forget(resource: string): void {
    this.#resources.delete(resource);
  }

  healthyIds(resource: string): ReadonlySet<string> {
    return this.#resources.get(resource)?.healthy ?? new Set();
  }

  /** Names of all resources known, sorted. */
  resourceNames(): string[] {
    return [...this.#resources.keys()].sort();
  }

  /** Healthy and not given away. */
  availableIds(resource: string): ReadonlySet<string> {
    return this.healthyIds(resource).difference(this.#allocated(resource));
  }

  /** Healthy ids of every resource known. */
  registered(): Record<string, string[]> {
    return Object.fromEntries(
      [...this.#resources].map(([resource, { healthy }]) => [resource, [...healthy]]),
    );
  }

  numaNodes(resource: string, id: string): readonly number[] {
    return this.#resources.get(resource)?.numaNodes.get(id) ?? [];
  }

  entries(): readonly DeviceEntry[] {
    return this.#entries;
  }

  entriesOf(podUid: string): DeviceEntry[] {
    return this.#entries.filter((entry) => entry.podUid === podUid);
  }

  entryOf(podUid: string, container: string, resource: string): DeviceEntry | undefined {
    return this.entriesOf(podUid).find(
      (entry) => entry.container === container && entry.resource === resource,
    );
  }

  add(entry: DeviceEntry): void {
    this.#entries.push(entry);
  }

  /** @returns whether there was anything to remove */
  remove(isUnwanted: (entry: DeviceEntry) => boolean): boolean {
    const kept = this.#entries.filter((entry) => !isUnwanted(entry));
    const hasChanged = kept.length < this.#entries.length;
    this.#entries = kept;
    return hasChanged;
  }

  #allocated(resource: string): Set<string> {
    return new Set(
      this.#entries.filter((entry) => entry.resource === resource).flatMap((entry) => entry.ids),
    );
  }
}

/** The devices of some entries, one by one. */
export function assignedDevices(entries: readonly DeviceEntry[]): AssignedDevice[] {
  return entries.flatMap(({ resource, container, ids }) => ids.map((id) => ({ resource, id, container })));
}

function emptyResource(): KnownResource {
  return { healthy: new Set(), unhealthy: new Set(), numaNodes: new Map() };
}
