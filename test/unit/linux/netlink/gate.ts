import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "../../../../src/linux/worker/jobs.ts";

/** A named pipe: the worker that reads it stands still until the test lets it pass. */
export interface Gate {
  /** Reads the pipe. */
  readonly job: Job;
  /** Settles when a worker stands before the gate, or fails as the job that should come to it does. */
  reached(job: Promise<unknown>): Promise<void>;
  /** Lets the worker that stands before it go on, with this text as what it read. */
  open(text: string): void;
}

/** A folder with gates, gone at its end. Whatever a test left closed is opened then, or its worker would never end. */
export class Gates implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-pool-"));
  readonly #paths: string[] = [];
  readonly #writers = new Map<string, number>();

  make(): Gate {
    const path = join(this.folder, `gate-${this.#paths.length}`);
    execFileSync("mkfifo", [path]);
    this.#paths.push(path);
    return {
      job: { do: "readFile", path },
      reached: async (job) => {
        let isOver = false;
        const over = job.finally(() => {
          isOver = true;
        });
        over.catch(() => {});
        for (;;) {
          const writer = openWriter(path);
          if (writer !== undefined) {
            this.#writers.set(path, writer);
            return;
          }
          if (isOver) throw new Error(`the job ended before its gate: ${String(await over)}`);
          await delay(1);
        }
      },
      open: (text) => {
        const writer = this.#writers.get(path);
        if (writer === undefined) throw new Error("nobody stands before this gate");
        writeSync(writer, text);
        closeSync(writer);
        this.#writers.delete(path);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const writer of this.#writers.values()) closeSync(writer);
    // Opened for both, a pipe lets whoever waits for the other end go on.
    const ends = this.#paths.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    for (const end of ends) closeSync(end);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The writing end; undefined while nobody reads. */
function openWriter(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENXIO") return undefined;
    throw error;
  }
}
