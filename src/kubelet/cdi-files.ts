import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { makeFolder } from "../linux/folder.ts";
import { writeWholeFile } from "../linux/whole-file.ts";
import type { Pool } from "../model/device.ts";
import { errorText } from "../model/errors.ts";
import { identifyFile, removeIfThere } from "../rpc/socket-file.ts";
import { type CdiFile, cdiFileOf, cdiFilePrefix } from "./cdi.ts";

/** A runtime may run as another user. */
const fileMode = 0o644;

interface WrittenFile {
  readonly text: string;
  /** Tells this file from one that another process put in its place. */
  readonly identity: string | undefined;
}

/**
 * The spec files by which a container runtime knows the pools' CDI devices. They follow the pools, and stay when this
 * process ends: containers that have devices may start again meanwhile. The next process removes what is of no pool.
 */
export class CdiFiles {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #written = new Map<string, WrittenFile>();
  /** Writes and removals, one after another. */
  #queue: Promise<void> = Promise.resolve();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Brings the folder to what the pools are, then removes what an earlier run left there. */
  start(pools: readonly Pool[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#apply(pools);
      const files = await readdir(this.#folder).catch(() => []);
      for (const file of files) {
        if (!file.startsWith(cdiFilePrefix) || !file.endsWith(".json") || this.#written.has(file)) continue;
        await removeIfThere(join(this.#folder, file));
      }
    });
  }

  /** Brings the folder to what the pools are; a file that says the same already is left alone. */
  apply(pools: readonly Pool[]): Promise<void> {
    return this.#inTurn(() => this.#apply(pools));
  }

  /**
   * Makes sure, before an allocation is answered, that the runtime will find the pool as it is now: also when
   * somebody has removed the file.
   * @throws LanyardError or the file system's error when it cannot be written
   */
  async ensure(pool: Pool): Promise<void> {
    const file = cdiFileOf(pool);
    if (file === undefined) return;
    const written = this.#queue.then(() => this.#write(file));
    this.#queue = written.catch(() => {});
    await written;
  }

  /** Ends what is being written. */
  async stop(): Promise<void> {
    await this.#queue;
  }

  async #apply(pools: readonly Pool[]): Promise<void> {
    const wanted = new Map(pools.flatMap((pool) => cdiFileOf(pool) ?? []).map((file) => [file.name, file]));
    for (const file of wanted.values()) await this.#write(file);
    for (const name of [...this.#written.keys()]) if (!wanted.has(name)) await this.#remove(name);
  }

  async #write({ name, text }: CdiFile): Promise<void> {
    const path = join(this.#folder, name);
    const known = this.#written.get(name);
    if (known?.text === text && (await identifyFile(path)) === known.identity) return;
    makeFolder(this.#folder, 0o755);
    await writeWholeFile(path, text, fileMode);
    this.#written.set(name, { text, identity: await identifyFile(path) });
  }

  async #remove(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const known = this.#written.get(name);
    this.#written.delete(name);
    if (known !== undefined && (await identifyFile(path)) === known.identity) await removeIfThere(path);
  }

  /** A failure is told and does not stop the devices from being offered; `ensure` refuses what would need the file. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error) => {
      this.#log.error(`the CDI specs in ${this.#folder} cannot be brought up to date: ${errorText(error)}`);
    });
    return this.#queue;
  }
}
