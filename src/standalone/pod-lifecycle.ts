import { LanyardError } from "../model/errors.ts";
import { type AssignedDevice, type PodIdentity, podKey } from "../model/pod.ts";
import type { PodManifest } from "../model/pod-manifest.ts";
import { withoutPlace } from "./place.ts";
import type { DeviceManager, PodParts } from "./ports.ts";

/** How far a pod is: waiting for devices, up, or stopped by an error (and tried again). */
export type PodPhase = "Pending" | "Running" | "Failed";

/** A pod as it stands. */
export interface PodState {
  readonly phase: PodPhase;
  /** What it waits for or what went wrong. */
  readonly message?: string;
  /** The process that holds its network namespace; absent when somebody else made the namespace. */
  readonly sandboxPid?: number;
  readonly namespacePath?: string;
  readonly devices: readonly AssignedDevice[];
}

/** One pod's way up, along and down. Its methods are called one after another, never two at a time. */
export class PodLifecycle {
  readonly #pod: PodIdentity;
  readonly #parts: PodParts;
  readonly #report: (state: PodState) => void;
  #state: PodState = { phase: "Pending", devices: [] };
  /** What the containers asked for when they got their devices; undefined before. */
  #admitted: string | undefined;
  #areContainersStarted = false;

  constructor(pod: PodIdentity, parts: PodParts, report: (state: PodState) => void) {
    this.#pod = pod;
    this.#parts = parts;
    this.#report = report;
  }

  /** Without its devices a pod waits for them. */
  get isAdmitted(): boolean {
    return this.#admitted !== undefined;
  }

  /**
   * Makes the pod what its manifest says, from wherever it stands: devices, sandbox, interfaces, containers,
   * in the order of the real kubelet, where the network stands before a container is started.
   * @throws whatever did not succeed; the state says the same, and a second call goes on from there
   */
  async bringUp(manifest: PodManifest): Promise<void> {
    try {
      await this.#admit(manifest);
      const namespacePath = await this.#provideNamespace(manifest);
      await this.#attach(manifest, namespacePath);
      await this.#startContainers(manifest);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#set({ phase: this.#phaseOfFailure(), message });
      throw error;
    }
    this.#set({ phase: "Running", message: this.#describeChangedContainers(manifest) });
  }

  /**
   * Takes everything back: interfaces, sandbox, devices. The later ones stay when an earlier one fails, so that
   * no device is given to another pod while it still sits in this one's namespace.
   */
  async takeDown(): Promise<void> {
    const { attachments, sandboxes, kubelet } = this.#parts;
    try {
      await attachments.release(this.#pod);
      await sandboxes.stop(this.#pod);
      await kubelet.release(this.#pod);
    } catch (error) {
      this.#set({ message: `cannot be removed: ${error instanceof Error ? error.message : String(error)}` });
      throw error;
    }
    this.#admitted = undefined;
    this.#areContainersStarted = false;
    this.#state = { phase: "Pending", devices: [] };
    this.#report(this.#state);
  }

  async #admit(manifest: PodManifest): Promise<void> {
    if (this.#admitted !== undefined) return;
    const { kubelet } = this.#parts;
    const held = await kubelet.assignedTo(this.#pod);
    if (held.length > 0) {
      // admitted by an earlier run: asked again, the kubelet would refuse what was changed since
      this.#admitted = describeHeld(held);
      this.#set({ devices: held });
      return;
    }
    const shortage = describeShortage(manifest, kubelet);
    if (shortage !== undefined) throw new LanyardError("unavailable", shortage);
    await kubelet.admit(this.#pod, manifest.containers);
    this.#admitted = describeContainers(manifest);
    this.#set({ devices: await kubelet.assignedTo(this.#pod) });
  }

  async #provideNamespace(manifest: PodManifest): Promise<string> {
    const { attachments, sandboxes } = this.#parts;
    const external = manifest.networkNamespace;
    const found = external === undefined ? sandboxes.find(this.#pod) : undefined;
    const path = external ?? found?.namespacePath;
    const before = this.#state.namespacePath;
    // what is attached sits in a namespace that is no longer the pod's
    if (path === undefined || (before !== undefined && before !== path)) {
      await attachments.release(this.#pod);
      this.#areContainersStarted = false;
    }
    if (external !== undefined) {
      await sandboxes.stop(this.#pod);
      // an agent that comes back finds its pods at work: their containers are not started twice
      this.#areContainersStarted ||= before === undefined && hasAttachments(attachments.list(), this.#pod);
      this.#set({ namespacePath: external, sandboxPid: undefined });
      return external;
    }
    this.#areContainersStarted ||= before === undefined && found !== undefined;
    const sandbox = found ?? (await sandboxes.start(this.#pod));
    this.#set({ namespacePath: sandbox.namespacePath, sandboxPid: sandbox.pid });
    return sandbox.namespacePath;
  }

  async #attach(manifest: PodManifest, namespacePath: string): Promise<void> {
    const references = manifest.networks;
    const outcomes = await this.#parts.attachments.reconcile({ pod: this.#pod, namespacePath, references });
    const failed = outcomes.filter(({ action }) => action === "failed");
    const [first] = failed;
    if (first === undefined) return;
    const text = failed
      .map(({ interfaceName, error }) => {
        const place = `pod ${podKey(this.#pod)}, interface ${interfaceName}`;
        return `${interfaceName}: ${withoutPlace(error?.message ?? "failed", place)}`;
      })
      .join("; ");
    throw new LanyardError(first.error?.code ?? "internal", text, { cause: first.error });
  }

  async #startContainers(manifest: PodManifest): Promise<void> {
    if (this.#areContainersStarted) return;
    for (const { name } of manifest.containers) await this.#parts.kubelet.startContainer(this.#pod, name);
    this.#areContainersStarted = true;
  }

  /** A pod that ran goes on running, with what it has, when a change to it fails. */
  #phaseOfFailure(): PodPhase {
    if (!this.isAdmitted) return "Pending";
    return this.#areContainersStarted ? "Running" : "Failed";
  }

  #describeChangedContainers(manifest: PodManifest): string | undefined {
    if (describeContainers(manifest) === this.#admitted) return undefined;
    return "its containers' resources were changed; that takes effect when the pod is removed and made anew";
  }

  #set(change: Partial<PodState>): void {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    this.#report(next);
  }
}

/**
 * Why the pod's devices are not there yet, or undefined when they are: what a scheduler sees to in a cluster,
 * before the kubelet hears of the pod at all.
 */
export function describeShortage(
  manifest: PodManifest,
  kubelet: Pick<DeviceManager, "resources">,
): string | undefined {
  const needed = new Map<string, number>();
  for (const { resources } of manifest.containers) {
    for (const [resource, count] of Object.entries(resources)) {
      needed.set(resource, (needed.get(resource) ?? 0) + count);
    }
  }
  const offered = new Map(kubelet.resources().map((each) => [each.resource, each]));
  const shortages = [...needed].flatMap(([resource, wanted]) => {
    if (wanted <= 0) return [];
    const offer = offered.get(resource);
    if (offer === undefined) return [`${wanted} of ${resource}, which nobody offers`];
    const free = Math.max(0, offer.allocatable - offer.allocated);
    return free >= wanted ? [] : [`${wanted} of ${resource}, of which ${free} are free`];
  });
  return shortages.length === 0 ? undefined : `waits for ${shortages.join(", and for ")}`;
}

function describeContainers({ containers }: PodManifest): string {
  return JSON.stringify(
    containers
      .flatMap(({ name, resources }) =>
        Object.entries(resources).map(([resource, count]) => `${name} ${resource} ${count}`),
      )
      .sort(),
  );
}

/** The devices a pod has, in the form of `describeContainers`. */
function describeHeld(devices: readonly AssignedDevice[]): string {
  const counts = new Map<string, number>();
  for (const { container, resource } of devices) {
    const key = `${container} ${resource}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return JSON.stringify([...counts].map(([key, count]) => `${key} ${count}`).sort());
}

function hasAttachments(list: readonly { readonly pod: PodIdentity }[], pod: PodIdentity): boolean {
  return list.some((attachment) => attachment.pod.uid === pod.uid);
}
