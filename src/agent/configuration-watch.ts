import { basename, dirname } from "node:path";
import type { Logger } from "pino";
import { FolderWatch } from "../linux/folder-watch.ts";
import type { AgentConfig } from "../model/agent-config.ts";
import { Debounce } from "../model/debounce.ts";
import { errorText } from "../model/errors.ts";
import type { PoolConfig } from "../model/pool-config.ts";
import type { Unsubscribe } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import { type Configuration, type ConfigurationPaths, readConfiguration } from "./configuration.ts";

/** A file is written in several steps, and a ConfigMap's files change together: quiet time after the last, in milliseconds. */
const QUIET_MS = 100;

export interface ConfigurationWatchOptions {
  readonly paths: ConfigurationPaths;
  /** What was read at the start. */
  readonly initial: Configuration;
  readonly log: Logger;
}

/**
 * The agent's configuration, read again when its files change. A file that cannot be used any more changes nothing: what
 * it said last stays, and the mistake is told.
 */
export class ConfigurationWatch {
  readonly #options: ConfigurationWatchOptions;
  readonly #listeners = new Set<() => void>();
  readonly #task = new SerialTask(() => this.#read());
  readonly #watches: readonly FolderWatch[];
  #current: Configuration;
  #mistake: string | undefined;
  readonly #debounce = new Debounce(QUIET_MS, () => void this.#task.request());

  constructor(options: ConfigurationWatchOptions) {
    this.#options = options;
    this.#current = options.initial;
    const files = [options.initial.path, options.paths.devicePluginConfig].filter(
      (each) => each !== undefined,
    );
    // A ConfigMap's file is a link to a link in its folder that is replaced: the folder is what changes.
    const folders = new Set(files.map((file) => dirname(file)));
    this.#watches = [...folders].map(
      (folder) => new FolderWatch(folder, options.log, () => this.#debounce.note()),
    );
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#debounce.cancel();
    this.#listeners.clear();
    await this.#task.settle();
  }

  /** What holds until the agent's next start. */
  get atStart(): AgentConfig {
    return this.#options.initial.agent;
  }

  /** What the agent's own file says now. */
  get current(): AgentConfig {
    return this.#current.agent;
  }

  pools(): readonly PoolConfig[] {
    return this.#current.pools;
  }

  /** What is not used as it stands, one sentence each. */
  problems(): readonly string[] {
    return this.#mistake === undefined ? this.#current.problems : [this.#mistake, ...this.#current.problems];
  }

  /** Calls back after what is configured, or the problems, are different. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #read(): Promise<void> {
    const { paths, log } = this.#options;
    const before = JSON.stringify([this.#current, this.#mistake]);
    const told = new Set(this.problems());
    try {
      const next = await readConfiguration(paths);
      const fixed = sayOfStart(this.#current, next);
      if (fixed.length > 0) {
        log.warn(
          `${basename(next.path)}: ${fixed.join(", ")} changed, which takes effect at the agent's next start`,
        );
      }
      this.#current = next;
      this.#mistake = undefined;
    } catch (error) {
      this.#mistake = `${errorText(error)}; until this is mended, what was configured before stays`;
    }
    // Not of the pools alone: those that policies ask for have the file's prefix and health.
    if (JSON.stringify([this.#current, this.#mistake]) === before) return;
    if (this.#mistake === undefined) {
      const { length } = this.#current.pools;
      log.info(`the configuration was read again: ${length} ${length === 1 ? "pool" : "pools"}`);
    }
    for (const problem of this.problems()) if (!told.has(problem)) log.warn(problem);
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Fields that were read for the start alone and are different now. */
function sayOfStart({ agent: before }: Configuration, { agent: after }: Configuration): string[] {
  const fields = ["metrics", "cdi", "deviceInfo", "kubelet", "cni", "provisioning"] as const;
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}
