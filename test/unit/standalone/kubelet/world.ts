import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import type { Clock } from "../../../../src/model/clock.ts";
import {
  EmbeddedKubelet,
  type EmbeddedKubeletOptions,
} from "../../../../src/standalone/kubelet/embedded-kubelet.ts";

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #waiting: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const entry = { at: this.#now + milliseconds, callback };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    };
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#waiting.filter((entry) => entry.at <= this.#now);
    this.#waiting = this.#waiting.filter((entry) => entry.at > this.#now);
    for (const entry of due) entry.callback();
  }
}

/** A folder with what a test puts into it; everything is stopped and removed in `end`, the newest first. */
export class World {
  readonly directory: string;
  /** The folder for a kubelet's plugin watcher; nobody has made it yet. */
  readonly registry: string;
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly log = pino({ level: "debug" }, { write: (line: string) => this.#take(JSON.parse(line).msg) });
  #written = Promise.withResolvers<void>();
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.registry = join(directory, "plugins_registry");
    this.defer(() => rm(directory, { recursive: true, force: true }));
  }

  static async create(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), "kubelet-")));
  }

  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async kubelet(options: Partial<EmbeddedKubeletOptions> = {}): Promise<EmbeddedKubelet> {
    const kubelet = new EmbeddedKubelet({
      directory: this.directory,
      log: this.log,
      clock: this.clock,
      ...options,
    });
    this.defer(() => kubelet.stop());
    await kubelet.start();
    return kubelet;
  }

  /** Resolves when the next line is written to the log. */
  nextLine(): Promise<void> {
    return this.#written.promise;
  }

  /** Waits for something that no event tells of. A test that waits in vain is ended by the runner. */
  async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isTrue())) await sleep(2);
  }

  #take(line: string): void {
    this.lines.push(line);
    this.#written.resolve();
    this.#written = Promise.withResolvers<void>();
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

/** Waits until the kubelet's counts of a resource are `capacity/allocatable`, or `forgotten`. */
export async function until(kubelet: EmbeddedKubelet, resource: string, wanted: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    const count = kubelet.resources().find((each) => each.resource === resource);
    if ((count === undefined ? "forgotten" : `${count.capacity}/${count.allocatable}`) === wanted) resolve();
  };
  const unsubscribe = kubelet.onChange(look);
  look();
  try {
    await promise;
  } finally {
    unsubscribe();
  }
}

/** File names of the sockets in a folder that are in their place. */
export async function socketsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isSocket() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
}

let podNumber = 0;

export function newPod(name = "pod") {
  podNumber += 1;
  return { namespace: "default", name, uid: `uid-${podNumber}` };
}
