import type { Logger } from "pino";
import { type Clock, systemClock } from "../model/clock.ts";
import { errorText } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import type { Unsubscribe } from "../model/ports.ts";
import type { PodState } from "./pod-lifecycle.ts";
import { derivePodUid } from "./pod-uid.ts";
import { PodWorker, type RetryTimes } from "./pod-worker.ts";
import type { PodParts, PodSource } from "./ports.ts";

/** Options of a StandaloneDoor: the pods wanted, what makes them, and when to try again. */
export interface StandaloneDoorOptions extends PodParts {
  readonly manifests: PodSource;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly retry?: RetryTimes;
}

/** A pod of the manifest folder as it stands. */
export interface StandalonePod extends PodState {
  readonly pod: PodIdentity;
}

/**
 * Keeps the pods of a manifest folder: what a scheduler, a kubelet and a container runtime do in a cluster,
 * as far as the network goes. Any change in the folder makes every pod be looked at again; a pod that is
 * already as wanted stays untouched.
 */
export class StandaloneDoor {
  readonly #options: StandaloneDoorOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #listeners = new Set<() => void>();
  readonly #subscriptions: Unsubscribe[] = [];
  #hasCleaned = false;
  #isClosing = false;

  constructor(options: StandaloneDoorOptions) {
    this.#options = options;
  }

  /** Begins to bring pods up. The manifest folder and the embedded kubelet are started before. */
  start(): void {
    const { manifests, kubelet, sandboxes } = this.#options;
    this.#subscriptions.push(
      manifests.onChange(() => this.#refresh()),
      kubelet.onChange(() => {
        for (const worker of this.#workers.values()) if (worker.isWaitingForDevices) worker.wake();
      }),
      sandboxes.onExit((pod) => this.#workers.get(pod.uid)?.wake()),
    );
    this.#refresh();
  }

  /** Every pod, ordered by namespace and name; one that is being removed is among them until it is gone. */
  pods(): readonly StandalonePod[] {
    return [...this.#workers.values()]
      .map((worker) => ({ pod: worker.pod, ...worker.state }))
      .sort((a, b) => (podKey(a.pod) < podKey(b.pod) ? -1 : 1));
  }

  /** Calls back after a pod's state has changed or a pod has come or gone. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when nothing is being done for any pod; failed ones may still be tried again later. */
  async settle(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.settle()));
  }

  /** Leaves the pods as they are, running, as a kubelet does; resolves when what was being done is done. */
  async stop(): Promise<void> {
    this.#close();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /**
   * Removes every pod, whatever the manifests say, and then stops. Each is tried once; what could not be
   * removed is still among `pods()`, with the reason.
   */
  async removeAll(): Promise<void> {
    this.#close();
    for (const worker of this.#workers.values()) worker.want(undefined);
    await this.#removeLeftOver(new Set());
    await this.settle();
    await this.stop();
  }

  #close(): void {
    this.#isClosing = true;
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
  }

  #refresh(): void {
    const { manifests } = this.#options;
    // a folder that was never read says nothing about which pods are wanted
    if (this.#isClosing || !manifests.isLoaded) return;
    const wanted = new Set<string>();
    for (const manifest of manifests.pods()) {
      const { namespace, name, uid = derivePodUid(manifest) } = manifest;
      wanted.add(uid);
      this.#worker({ namespace, name, uid }).want(manifest);
    }
    for (const [uid, worker] of this.#workers) if (!wanted.has(uid)) worker.want(undefined);
    if (!this.#hasCleaned && manifests.problems().length === 0) {
      this.#hasCleaned = true;
      void this.#removeLeftOver(wanted);
    }
  }

  /**
   * Removes what is left of pods of an earlier run whose manifests went while no agent ran. Attachments count
   * as ours when their pod's UID was derived here or the embedded kubelet knows it: others may have come
   * through another door.
   */
  async #removeLeftOver(wanted: ReadonlySet<string>): Promise<void> {
    const { sandboxes, attachments, kubelet, log } = this.#options;
    const withDevices = new Set(kubelet.podUids());
    const attached = attachments.list().map(({ pod }) => pod);
    const ours = attached.filter((pod) => withDevices.has(pod.uid) || derivePodUid(pod) === pod.uid);
    for (const pod of [...sandboxes.list().map((sandbox) => sandbox.pod), ...ours]) {
      if (wanted.has(pod.uid) || this.#workers.has(pod.uid)) continue;
      log.info(`pod ${podKey(pod)} is in no manifest any more and is removed`);
      this.#worker(pod).want(undefined);
    }
    for (const uid of withDevices) {
      if (wanted.has(uid) || this.#workers.has(uid)) continue;
      try {
        await kubelet.release({ uid });
      } catch (error) {
        log.error(`devices of the former pod ${uid} cannot be freed: ${errorText(error)}`);
      }
    }
  }

  #worker(pod: PodIdentity): PodWorker {
    const { kubelet, sandboxes, attachments, log, clock, retry } = this.#options;
    const known = this.#workers.get(pod.uid);
    if (known !== undefined) return known;
    const worker = new PodWorker({
      pod,
      parts: { kubelet, sandboxes, attachments },
      clock: clock ?? systemClock,
      retry: retry ?? { first: 1_000, most: 30_000 },
      log,
      onChange: () => this.#tell(),
      onGone: () => {
        this.#workers.delete(pod.uid);
        this.#tell();
      },
    });
    this.#workers.set(pod.uid, worker);
    return worker;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
