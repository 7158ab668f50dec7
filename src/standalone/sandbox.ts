import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { readBootId } from "../linux/boot-id.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import type { Unsubscribe } from "../model/ports.ts";
import { startPause } from "./pause.ts";
import { isRunning, type ProcessIdentity } from "./process.ts";
import { type RegisteredSandbox, readRegistry, writeRegistry } from "./sandbox-registry.ts";

/** How long a process may take to end before it is killed, in milliseconds. */
const ENDING = 2_000;

/** A pod's network namespace and the process that holds it. */
export interface Sandbox {
  readonly pod: PodIdentity;
  readonly pid: number;
  /** `/proc/<pid>/ns/net` */
  readonly namespacePath: string;
}

/** Options of Sandboxes. */
export interface SandboxesOptions {
  /** Holds `sandboxes.json`. */
  readonly stateDirectory: string;
  /** The program built from native/pause.c. */
  readonly pauseProgram: string;
  readonly log: Logger;
  /** Where the kernel shows processes; another folder in tests. */
  readonly procRoot?: string;
}

/**
 * The sandboxes of standalone pods. Their processes outlive the agent, however it ends: the next one finds
 * them in the registry, and knows by their start time that they are still the same.
 */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #procRoot: string;
  readonly #path: string;
  readonly #bootId: string;
  readonly #listeners = new Set<(pod: PodIdentity) => void>();
  readonly #starting = new Map<string, Promise<Sandbox>>();
  /** Those being stopped: that they end is no news. */
  readonly #ending = new Set<RegisteredSandbox>();
  #registered: readonly RegisteredSandbox[];

  constructor(options: SandboxesOptions) {
    this.#options = options;
    this.#procRoot = options.procRoot ?? "/proc";
    this.#path = join(options.stateDirectory, "sandboxes.json");
    this.#bootId = readBootId(this.#procRoot);
    this.#registered = this.#adopt();
  }

  /**
   * The pod's sandbox, started when it has none. Nothing is left when it fails.
   * @throws LanyardError when the program is missing or does not say that it is ready
   */
  start(pod: PodIdentity): Promise<Sandbox> {
    const found = this.find(pod);
    if (found !== undefined) return Promise.resolve(found);
    const running = this.#starting.get(pod.uid);
    if (running !== undefined) return running;
    const starting = this.#start(pod).finally(() => this.#starting.delete(pod.uid));
    this.#starting.set(pod.uid, starting);
    return starting;
  }

  /**
   * Ends the pod's sandbox; fine when it has none.
   * @throws LanyardError `timeout` when the process does not end even when killed
   */
  async stop(pod: Pick<PodIdentity, "uid">): Promise<void> {
    await this.#starting.get(pod.uid)?.catch(() => {});
    const registered = this.#registered.find((sandbox) => sandbox.pod.uid === pod.uid);
    if (registered === undefined) return;
    this.#ending.add(registered);
    try {
      await this.#end(registered);
      this.#write(this.#registered.filter((sandbox) => sandbox !== registered));
    } finally {
      this.#ending.delete(registered);
    }
  }

  /** The pod's sandbox, if its process runs. */
  find(pod: Pick<PodIdentity, "uid">): Sandbox | undefined {
    return this.list().find((sandbox) => sandbox.pod.uid === pod.uid);
  }

  /** Every sandbox whose process runs. */
  list(): readonly Sandbox[] {
    return this.#registered
      .filter((sandbox) => isRunning(sandbox, this.#procRoot))
      .map(({ pod, pid }) => ({ pod, pid, namespacePath: `/proc/${pid}/ns/net` }));
  }

  /** Calls back after a sandbox that this agent started has ended by itself; of adopted ones nobody tells. */
  onExit(listener: (pod: PodIdentity) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #start(pod: PodIdentity): Promise<Sandbox> {
    const { pauseProgram, log } = this.#options;
    const pause = await startPause(pauseProgram, podKey(pod), this.#procRoot);
    const registered = { pod, pid: pause.pid, startTime: pause.startTime };
    try {
      this.#write([...this.#registered.filter((sandbox) => sandbox.pod.uid !== pod.uid), registered]);
    } catch (error) {
      await pause.kill();
      throw new LanyardError("unavailable", `cannot write ${this.#path}: ${errorText(error)}`, {
        cause: error,
      });
    }
    pause.onExit(() => this.#noteExit(registered));
    pause.confirm();
    log.info(`sandbox of pod ${podKey(pod)}: process ${pause.pid}`);
    return { pod, pid: pause.pid, namespacePath: `/proc/${pause.pid}/ns/net` };
  }

  #noteExit(ended: RegisteredSandbox): void {
    if (this.#ending.has(ended) || !this.#registered.includes(ended)) return;
    this.#options.log.warn(`sandbox of pod ${podKey(ended.pod)}: process ${ended.pid} has ended by itself`);
    for (const listener of this.#listeners) listener(ended.pod);
  }

  async #end(sandbox: ProcessIdentity): Promise<void> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const deadline = performance.now() + ENDING;
      if (isRunning(sandbox, this.#procRoot)) sendSignal(sandbox.pid, signal);
      for (let pause = 1; isRunning(sandbox, this.#procRoot); pause = Math.min(pause * 2, 50)) {
        if (performance.now() > deadline) break;
        await sleep(pause);
      }
      if (!isRunning(sandbox, this.#procRoot)) return;
    }
    throw new LanyardError("timeout", `process ${sandbox.pid} does not end, though it was killed`);
  }

  #adopt(): readonly RegisteredSandbox[] {
    const { log } = this.#options;
    try {
      const written = readRegistry(this.#path, this.#bootId);
      const running = written.filter((sandbox) => isRunning(sandbox, this.#procRoot));
      for (const { pod, pid } of running)
        log.info(`sandbox of pod ${podKey(pod)}: goes on as process ${pid}`);
      return running;
    } catch (error) {
      log.error(`goes on without the sandboxes made before: ${errorText(error)}`);
      return [];
    }
  }

  #write(sandboxes: readonly RegisteredSandbox[]): void {
    writeRegistry(this.#path, this.#bootId, sandboxes);
    this.#registered = sandboxes;
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // it ended between looking and calling
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
