import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "../../../../src/linux/netlink/jobs.ts";

/** A named pipe: the worker that reads it stands still until the test lets it pass. */
export interface Gate {
  /** Reads the pipe. */
  readonly job: Job;
  /** Settles when a worker stands before the gate. */
  reached(): Promise<void>;
  /** Lets the worker that stands before it go on, with this text as what it read. */
  open(text: string): Promise<void>;
}

/** A folder with gates, gone at its end. Whatever a test left closed is opened then, or its worker would never end. */
export class Gates implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-pool-"));
  readonly #paths: string[] = [];
  readonly #handles = new Map<string, FileHandle>();

  make(): Gate {
    const path = join(this.folder, `gate-${this.#paths.length}`);
    execFileSync("mkfifo", [path]);
    this.#paths.push(path);
    const handleOf = async () => {
      // Opening the writing end waits for a reader.
      const handle = this.#handles.get(path) ?? (await open(path, "w"));
      this.#handles.set(path, handle);
      return handle;
    };
    return {
      job: { do: "readFile", path },
      reached: async () => void (await handleOf()),
      open: async (text) => {
        const handle = await handleOf();
        await handle.write(text);
        await handle.close();
        this.#handles.delete(path);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close();
    // Opened for both, a pipe lets whoever waits at either end go on.
    const ends = this.#paths.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    for (const end of ends) closeSync(end);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
