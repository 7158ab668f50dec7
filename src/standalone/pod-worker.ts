import type { Logger } from "pino";
import type { Clock } from "../model/clock.ts";
import { errorText } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import type { PodManifest } from "../model/pod-manifest.ts";
import { SerialTask } from "../model/serial-task.ts";
import { withoutPlace } from "./place.ts";
import { PodLifecycle, type PodState } from "./pod-lifecycle.ts";
import type { PodParts } from "./ports.ts";

/** After a failure the next attempt waits, each time twice as long, up to a most. Milliseconds. */
export interface RetryTimes {
  readonly first: number;
  readonly most: number;
}

/** Options of a PodWorker. */
export interface PodWorkerOptions {
  readonly pod: PodIdentity;
  readonly parts: PodParts;
  readonly clock: Clock;
  readonly retry: RetryTimes;
  readonly log: Logger;
  /** Told after the pod's state has changed. */
  readonly onChange: () => void;
  /** Told once after the pod is unwanted and nothing is left of it. */
  readonly onGone: () => void;
}

/**
 * Works on one pod, one thing at a time, until it is as wanted. A wish that comes while it works is seen to
 * right after; of several, only the last.
 */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #lifecycle: PodLifecycle;
  readonly #task = new SerialTask(() => this.#work());
  #state: PodState = { phase: "Pending", devices: [] };
  #wanted: PodManifest | undefined;
  #isStopped = false;
  #isGone = false;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#lifecycle = new PodLifecycle(options.pod, options.parts, (state) => {
      this.#state = state;
      options.onChange();
    });
  }

  get pod(): PodIdentity {
    return this.#options.pod;
  }

  get state(): PodState {
    return this.#state;
  }

  /** An attempt to get the devices has failed; not while the first one is still being made. */
  get isWaitingForDevices(): boolean {
    return this.#wanted !== undefined && !this.#lifecycle.isAdmitted && this.#state.message !== undefined;
  }

  /** Sets what the pod shall be (undefined: gone) and works towards it, also when nothing in it is new. */
  want(manifest: PodManifest | undefined): void {
    this.#wanted = manifest;
    this.wake();
  }

  /** Works towards what is wanted, now. */
  wake(): void {
    if (this.#isStopped || this.#isGone) return;
    void this.#task.request();
  }

  /** Resolves when nothing is being done; a retry may still be planned. */
  async settle(): Promise<void> {
    await this.#task.settle();
  }

  /** Begins nothing new; resolves when what is being done is done. The pod stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    await this.#task.settle();
  }

  async #work(): Promise<void> {
    if (this.#isStopped || this.#isGone) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const wanted = this.#wanted;
    try {
      if (wanted === undefined) await this.#lifecycle.takeDown();
      else await this.#lifecycle.bringUp(wanted);
      this.#failures = 0;
    } catch (error) {
      this.#noteFailure(error);
      return;
    }
    if (wanted === undefined && this.#wanted === undefined) {
      this.#isGone = true;
      this.#options.onGone();
    }
  }

  #noteFailure(error: unknown): void {
    const { clock, retry, log, pod } = this.#options;
    const wait = Math.min(retry.first * 2 ** this.#failures, retry.most);
    this.#failures = Math.min(this.#failures + 1, 30);
    // To wait for a device is nothing wrong: at every start pods are faster than the device plugin.
    const level = this.isWaitingForDevices ? "info" : "warn";
    const place = `pod ${podKey(pod)}`;
    log[level](`${place}: ${withoutPlace(errorText(error), place)}; tried again in ${wait / 1000} s`);
    if (!this.#isStopped) this.#cancelRetry = clock.after(wait, () => this.wake());
  }
}
