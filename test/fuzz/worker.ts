// A thread of the fuzz run: makes inputs and feeds them, until there are none left or it is told to stop. It tells
// where it is by the board alone, as it never comes to its event loop in between.
import { parentPort, workerData } from "node:worker_threads";
import { BATCH, Board, type Memory } from "./board.ts";
import { countCalls } from "./decoders.ts";
import { shrink } from "./shrink.ts";
import { makeInput, type Target } from "./target.ts";

/** What a worker is started with. */
export interface Task {
  readonly worker: number;
  readonly workers: number;
  readonly memory: Memory;
  /** Address of the module with the targets. */
  readonly targets: string;
  readonly seed: number;
  /** Number of the first input. */
  readonly first: number;
  /** How many inputs all workers make together. */
  readonly inputs: number;
}

/** What a worker says. */
export type Report =
  | { readonly kind: "thrown"; readonly input: number; readonly error: string }
  | { readonly kind: "shrunk"; readonly input: number; readonly bytes: Uint8Array }
  | { readonly kind: "done"; readonly calls: ReadonlyMap<string, number> };

const task = workerData as Task;
const calls = countCalls();
const { targets } = (await import(task.targets)) as { targets: readonly Target[] };
const board = new Board(task.workers, targets.length, task.memory);
work();
board.rest(task.worker);
say({ kind: "done", calls: calls.take() });

function work(): void {
  while (!board.isStopped()) {
    const start = board.takeBatch() * BATCH;
    if (start >= task.inputs) return;
    const end = Math.min(start + BATCH, task.inputs);
    for (let position = start; position < end; position++) {
      if (!feed(task.first + position)) return;
    }
  }
}

/** False when the decoder threw. */
function feed(number: number): boolean {
  board.begin(task.worker, number);
  const { target, bytes } = makeInput(targets, task.seed, number);
  board.count(task.worker, target);
  const { feed } = targets[target] as Target;
  try {
    feed(bytes);
    return true;
  } catch (error) {
    say({ kind: "thrown", input: number, error: describe(error) });
    say({ kind: "shrunk", input: number, bytes: shrink(bytes, feed) });
    return false;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function say(report: Report): void {
  parentPort?.postMessage(report);
}
