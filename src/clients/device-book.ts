import type { Logger } from "pino";
import { type Clock, systemClock } from "../model/clock.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { DeviceUse, DeviceUses, Unsubscribe } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import type { PodDevice } from "./pod-resources.ts";

export interface DeviceBookOptions {
  /** Who tells of the pods' devices, and what tells one kubelet from the next that answers there. */
  readonly client: {
    list(signal?: AbortSignal): Promise<readonly PodDevice[]>;
    findKubelet(): Promise<string | undefined>;
  };
  readonly log: Logger;
  /** How often it is asked, in milliseconds; every 10 s unless told otherwise. */
  readonly intervalMs?: number;
  /**
   * How long a device is kept that no pod is told to have, after its Allocate, or after the first answer of another kubelet
   * than told of it; in milliseconds, 60 s unless told otherwise.
   */
  readonly graceMs?: number;
  readonly clock?: Clock;
}

interface Entry extends DeviceUse {
  /** When it was given away here, by the clock; undefined when only the kubelet told of it. */
  readonly allocatedAt?: number;
  /** The kubelet that told of it last; undefined while none has. */
  readonly toldBy?: string | undefined;
}

/** Who has a device between the kubelet's Allocate and the moment when it tells of the pod. */
const startingPod = "a pod that is being started";

/**
 * Which devices are given away. The kubelet tells no plugin when a pod is gone, so it is asked again and again; what
 * is given away here is known at once. While the kubelet does not answer, nothing is forgotten; nor for a while after it
 * was started again, because it answers before it has heard of its pods from the API server.
 */
export class DeviceBook implements DeviceUses {
  readonly #options: DeviceBookOptions;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #graceMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #stopping = new AbortController();
  readonly #reading = new SerialTask(() => this.#read());
  #entries: ReadonlyMap<string, Entry> = new Map();
  #isComplete = false;
  #failure: string | undefined;
  /** Who answered last, and when that one did first. */
  #kubelet: string | undefined;
  #answersSince = 0;
  #cancelNext: (() => void) | undefined;

  constructor(options: DeviceBookOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#intervalMs = options.intervalMs ?? 10_000;
    this.#graceMs = options.graceMs ?? 60_000;
  }

  /** Begins to ask; returns at once. */
  start(): void {
    this.#ask();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelNext?.();
    await this.#reading.settle();
  }

  /** Whether the kubelet has answered, so that also pods of the time before this process are known. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  uses(): readonly DeviceUse[] {
    return [...this.#entries.values()].map(({ resource, id, user }) => ({ resource, id, user }));
  }

  /** Calls back after a device was given away or came back, or another has it; and once when the book is complete. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Notes that a device is being given away; a pod that had it before is gone. */
  allocated(resource: string, id: string): void {
    const entry = { resource, id, user: startingPod, allocatedAt: this.#clock.now() };
    this.#replace(new Map(this.#entries).set(keyOf(entry), entry));
  }

  /** Asks the kubelet now; resolves when its answer is in the book, or it has none. */
  refresh(): Promise<void> {
    return this.#reading.request();
  }

  #ask(): void {
    void this.#reading.request().then(() => {
      if (this.#stopping.signal.aborted) return;
      this.#cancelNext = this.#clock.after(this.#intervalMs, () => this.#ask());
    });
  }

  async #read(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { client, log } = this.#options;
    const askedAt = this.#clock.now();
    try {
      const kubelet = await client.findKubelet();
      const devices = await client.list(this.#stopping.signal);
      if ((await client.findKubelet()) !== kubelet) {
        throw new LanyardError("unavailable", "the kubelet was started again while it was asked");
      }
      if (this.#failure !== undefined) log.info("the kubelet tells again which pods have which devices");
      this.#failure = undefined;
      const isFirst = !this.#isComplete;
      this.#isComplete = true;
      if (kubelet !== this.#kubelet) this.#answersSince = this.#clock.now();
      this.#kubelet = kubelet;
      this.#replace(this.#merge(devices, askedAt), isFirst);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const text = errorText(error);
      if (text !== this.#failure) log.warn(`which pods have which devices is not told: ${text}`);
      this.#failure = text;
    }
  }

  /** What the kubelet told, and what it may not know yet: what was given away lately, or before it was started. */
  #merge(devices: readonly PodDevice[], askedAt: number): Map<string, Entry> {
    const merged = new Map<string, Entry>();
    for (const entry of this.#entries.values()) {
      const { allocatedAt, toldBy } = entry;
      const unknownSince = allocatedAt ?? (toldBy === this.#kubelet ? undefined : this.#answersSince);
      if (unknownSince === undefined || this.#clock.now() - unknownSince >= this.#graceMs) continue;
      merged.set(keyOf(entry), entry);
    }
    for (const { namespace, pod, container, resource, id } of devices) {
      const user = `pod ${namespace}/${pod}, container ${container}`;
      const key = keyOf({ resource, id });
      const allocatedAt = merged.get(key)?.allocatedAt;
      // An answer that was asked for before the device was given away tells of the pod that had it before.
      if (allocatedAt !== undefined && allocatedAt > askedAt) continue;
      // From now on it is the kubelet's word that counts: the device is free when that names the pod no more.
      merged.set(key, { resource, id, user, toldBy: this.#kubelet });
    }
    return merged;
  }

  #replace(entries: ReadonlyMap<string, Entry>, isNews = false): void {
    const before = this.#entries;
    this.#entries = entries;
    const hasChanged =
      before.size !== entries.size || [...entries].some(([key, { user }]) => before.get(key)?.user !== user);
    if (!hasChanged && !isNews) return;
    for (const listener of this.#listeners) listener();
  }
}

function keyOf({ resource, id }: { readonly resource: string; readonly id: string }): string {
  return `${resource}\n${id}`;
}
