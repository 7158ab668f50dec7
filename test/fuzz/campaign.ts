import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Board } from "./board.ts";
import { makeInput, type Target } from "./target.ts";
import type { Report, Task } from "./worker.ts";

/** How long one input may take, in milliseconds. */
const LONGEST = 1000;
/** How often the workers are looked at, in milliseconds. */
const WATCH_INTERVAL = 100;
/** Memory of a worker, in MiB: a decoder that takes all there is fails. */
const MEMORY_LIMIT = 512;

export interface CampaignOptions {
  /** Address of a module that exports `targets`. */
  readonly targets: string;
  readonly seed: number;
  /** Number of the first input. */
  readonly first: number;
  /** Most inputs; may be infinite where the signal ends the run. */
  readonly inputs: number;
  /** Ends the run, after the inputs that are on their way. */
  readonly signal: AbortSignal;
  /** Threads; as many as there are cores where absent. */
  readonly workers?: number;
}

/** An input that a decoder did not bear. */
export interface Failure {
  readonly decoder: string;
  /** Number of the input. */
  readonly input: number;
  readonly bytes: Uint8Array;
  /** What happened. */
  readonly reason: string;
  /** What is enough for it to throw, as far as was tried. */
  readonly shrunk?: Uint8Array;
}

/** What a run has come to. */
export interface Outcome {
  readonly inputs: number;
  /** Milliseconds. */
  readonly time: number;
  /** How many inputs each decoder was fed, in the order of the targets. */
  readonly fed: ReadonlyMap<string, number>;
  /** How often each function of src/linux was called, by `file name`. */
  readonly calls: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
}

/** Feeds all targets from several threads. Ends at the first failure, as soon as every thread has seen it. */
export async function runCampaign(options: CampaignOptions): Promise<Outcome> {
  const { targets: module, seed, first, inputs, signal, workers = availableParallelism() } = options;
  const { targets } = (await import(module)) as { targets: readonly Target[] };
  const board = new Board(workers, targets.length);
  const calls = new Map<string, number>();
  const failures = new Map<number, Failure>();
  const fail = (input: number, reason: string): void => {
    board.stop();
    const { target, bytes } = makeInput(targets, seed, input);
    failures.set(input, { decoder: (targets[target] as Target).name, input, bytes, reason });
  };
  const listen = (report: Report): void => {
    if (report.kind === "thrown") fail(report.input, report.error);
    else if (report.kind === "shrunk") {
      const failure = failures.get(report.input);
      if (failure !== undefined) failures.set(report.input, { ...failure, shrunk: report.bytes });
    } else {
      for (const [name, count] of report.calls) calls.set(name, (calls.get(name) ?? 0) + count);
    }
  };

  const stop = () => board.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const start = performance.now();
  try {
    await Promise.all(
      Array.from({ length: workers }, (_, worker) => {
        const task: Task = { worker, workers, memory: board.memory, targets: module, seed, first, inputs };
        return runWorker(task, board, listen, (input, reason) => {
          if (!failures.has(input)) fail(input, reason);
        });
      }),
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const fed = new Map(targets.map(({ name }, position) => [name, board.fed(position)]));
  return {
    inputs: [...fed.values()].reduce((sum, count) => sum + count, 0),
    time: performance.now() - start,
    fed,
    calls,
    failures: [...failures.values()],
  };
}

/** Runs a worker to its end, which is put to it when it stays at one input. Throws what is wrong with the run itself. */
function runWorker(
  task: Task,
  board: Board,
  listen: (report: Report) => void,
  fail: (input: number, reason: string) => void,
): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT },
  });
  worker.on("message", listen);
  let last: number | undefined;
  let looks = 0;
  // Looks are counted and no time is measured: when the machine stood still, so did this.
  const watch = setInterval(() => {
    const input = board.inputOf(task.worker);
    looks = input !== undefined && input === last ? looks + 1 : 0;
    last = input;
    if (input === undefined || looks * WATCH_INTERVAL < LONGEST) return;
    clearInterval(watch);
    fail(input, `did not return within ${LONGEST} ms`);
    void worker.terminate();
  }, WATCH_INTERVAL);
  return new Promise<void>((resolve, reject) => {
    worker.once("error", (error: Error) => {
      const input = board.inputOf(task.worker);
      if (input === undefined) {
        board.stop();
        reject(error);
      } else fail(input, `ended its thread: ${error.message}`);
    });
    worker.once("exit", () => resolve());
  }).finally(() => clearInterval(watch));
}
