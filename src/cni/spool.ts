import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { makeFolder } from "../linux/folder.ts";
import { FolderWatch } from "../linux/folder-watch.ts";
import { type Clock, systemClock } from "../model/clock.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { SerialTask } from "../model/serial-task.ts";
import { parseCall } from "./call.ts";

/** Where files go that mean nothing, within the spool. */
const DAMAGED = "damaged";

/** The shim writes a draft within milliseconds; one that is older is of a shim that died. */
const OLD_DRAFT_MS = 600_000;

/** After how long what failed is tried again at first, twice that after every further time, and at most; in milliseconds. */
const LEAST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 60_000;

/** What is wrong with the machine and not with a file that cannot be read. */
const LACKS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

export interface SpoolOptions {
  readonly directory: string;
  readonly log: Logger;
  /**
   * Does a call that `parseCall` can read. What it rejects is tried again, until it is done; but one with the code
   * `invalid` would never be done, and is moved aside.
   */
  readonly work: (request: Uint8Array) => Promise<void>;
  readonly clock?: Clock;
}

/** How often a call has failed, and when it is to be tried again, by the clock. */
interface Waiting {
  readonly failures: number;
  readonly due: number;
}

/**
 * Calls that were queued while the agent was away (native/cni-shim/queue.h): done one after the other, in the order in
 * which they came, and each removed when it is done. One that fails holds up no other.
 */
export class Spool {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #work: (request: Uint8Array) => Promise<void>;
  readonly #clock: Clock;
  readonly #watch: FolderWatch;
  readonly #task = new SerialTask(() => this.#workOnce());
  /** By name. */
  #waiting = new Map<string, Waiting>();
  #cancelRetry = () => {};
  #isStopped = false;

  constructor(options: SpoolOptions) {
    this.#directory = options.directory;
    this.#log = options.log;
    this.#work = options.work;
    this.#clock = options.clock ?? systemClock;
    this.#watch = new FolderWatch(options.directory, options.log, () => void this.#task.request());
  }

  /**
   * Makes the folder where it is missing, begins to watch it, and resolves when all that lay there was tried once. Throws
   * LanyardError when the folder cannot be made.
   */
  async start(): Promise<void> {
    makeFolder(this.#directory, 0o700);
    // Watched before it is read, so that nothing comes in between.
    this.#watch.start();
    await this.workOff();
  }

  /** Tries all that lies there now, also what failed a moment ago; resolves when that is done. */
  workOff(): Promise<void> {
    for (const [name, { failures }] of this.#waiting) this.#waiting.set(name, { failures, due: 0 });
    return this.#task.request();
  }

  /** Begins with no further call; resolves when the one under way is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    await this.#task.settle();
    this.#cancelRetry();
  }

  /** How many calls were there when last looked, and are not done. */
  pending(): number {
    return this.#waiting.size;
  }

  async #workOnce(): Promise<void> {
    this.#cancelRetry();
    try {
      for (const name of await this.#look()) {
        if (this.#isStopped) return;
        const { due = 0 } = this.#waiting.get(name) ?? {};
        if (due <= this.#clock.now()) await this.#try(name);
      }
    } catch (error) {
      this.#log.error({ err: error }, `the spool ${this.#directory} cannot be read: ${errorText(error)}`);
      this.#retryIn(MOST_RETRY_MS);
      return;
    }
    if (this.#waiting.size === 0) return;
    const next = Math.min(...[...this.#waiting.values()].map(({ due }) => due));
    this.#retryIn(Math.max(0, next - this.#clock.now()));
  }

  #retryIn(milliseconds: number): void {
    if (this.#isStopped) return;
    this.#cancelRetry = this.#clock.after(milliseconds, () => void this.#task.request());
  }

  /** The names of what is queued, oldest first. */
  async #look(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const name of (await readdir(this.#directory)).sort()) {
      if (name.startsWith(".")) await this.#removeIfOld(name);
      else if (name !== DAMAGED) names.push(name);
    }
    const unknown: Waiting = { failures: 0, due: 0 };
    this.#waiting = new Map(names.map((name) => [name, this.#waiting.get(name) ?? unknown]));
    return names;
  }

  async #removeIfOld(draft: string): Promise<void> {
    const path = join(this.#directory, draft);
    try {
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > OLD_DRAFT_MS) await rm(path, { force: true });
    } catch (error) {
      // Its shim has just finished it.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      this.#log.warn({ err: error }, `the old draft ${path} cannot be removed: ${errorText(error)}`);
    }
  }

  async #try(name: string): Promise<void> {
    const path = join(this.#directory, name);
    let request: Buffer;
    try {
      request = await readFile(path);
      parseCall(request);
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") this.#waiting.delete(name);
      else if (LACKS.has(code)) this.#putOff(name, error);
      else await this.#putAside(name, error);
      return;
    }
    try {
      await this.#work(request);
      await rm(path, { force: true });
      this.#waiting.delete(name);
    } catch (error) {
      if (error instanceof LanyardError && error.code === "invalid") await this.#putAside(name, error);
      else this.#putOff(name, error);
    }
  }

  #putOff(name: string, error: unknown): void {
    const { failures } = this.#waiting.get(name) ?? { failures: 0 };
    const wait = Math.min(MOST_RETRY_MS, LEAST_RETRY_MS * 2 ** failures);
    this.#waiting.set(name, { failures: failures + 1, due: this.#clock.now() + wait });
    this.#log.warn(
      { err: error },
      `the queued call ${join(this.#directory, name)} failed: ${errorText(error)}; trying again in ${wait / 1000} s`,
    );
  }

  async #putAside(name: string, reason: unknown): Promise<void> {
    const path = join(this.#directory, name);
    const aside = join(this.#directory, DAMAGED, name);
    try {
      await mkdir(join(this.#directory, DAMAGED), { recursive: true, mode: 0o700 });
      await rename(path, aside);
      this.#waiting.delete(name);
      this.#log.error({ err: reason }, `${path} is no call: ${errorText(reason)}; it lies in ${aside} now`);
    } catch (error) {
      this.#putOff(name, error);
    }
  }
}
