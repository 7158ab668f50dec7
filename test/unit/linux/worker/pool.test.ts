import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import workerThreads, { type Worker } from "node:worker_threads";
import type { Job, JobResult, Task } from "../../../../src/linux/worker/jobs.ts";
import { JobError, type Lane, type Schedule, WorkerPool } from "../../../../src/linux/worker/pool.ts";
import { Gates } from "../netlink/gate.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

const read = (path: string): Job => ({ do: "readFile", path });
const write = (path: string, text: string): Job => ({ do: "writeFile", path, text });
const OSTYPE = read("/proc/sys/kernel/ostype");
const textOf = (result: JobResult | undefined) => (result?.did === "readFile" ? result.text : undefined);

/** A pool that is stopped at the end, and the threads it has started. */
function makePool() {
  const pool = new WorkerPool();
  const workers: Worker[] = [];
  const notice = (worker: Worker) => workers.push(worker);
  process.on("worker", notice);
  const runAll = (tasks: readonly Task[], schedule: Schedule) => pool.run(tasks, schedule);
  return {
    pool,
    workers,
    runAll,
    /** Does one job in the process' own namespace. */
    run: async (job: Job, schedule: Schedule) =>
      (await runAll([{ job, namespaceFd: undefined }], schedule))[0],
    /** Starts the first thread of a lane that starts none by itself. */
    firstThread: async (lane: Lane) => {
      await runAll([{ job: OSTYPE, namespaceFd: undefined }], { lane });
      return workers.at(-1) as Worker;
    },
    [Symbol.asyncDispose]: async () => {
      process.off("worker", notice);
      await pool.stop();
    },
  };
}

test("jobs with one key are done one after the other, in order", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const file = join(gates.folder, "steps");
  const gate = gates.make();
  const place = { lane: "change", key: "7" } as const;
  const first = held.run(gate.job, place);
  const second = held.run(write(file, "second"), place);
  const third = held.run(read(file), place);
  await gate.reached(first);
  // Both threads of the lane are free for another key while the first job of this one stands still.
  await held.run(write(join(gates.folder, "other"), ""), { lane: "change", key: "8" });
  assert.equal(existsSync(file), false);
  gate.open("first");
  assert.equal(textOf(await first), "first");
  await second;
  assert.equal(textOf(await third), "second");
});

test("a job with several keys waits for all of them, and no later one overtakes it", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const file = join(gates.folder, "steps");
  const gate = gates.make();
  const first = held.run(gate.job, { lane: "change", key: "7" });
  await gate.reached(first);
  const both = held.run(write(file, "both"), { lane: "change", key: "8", otherKeys: ["7"] });
  const later = held.run(read(file), { lane: "change", key: "8" });
  // A thread is free all the while.
  await held.run(OSTYPE, { lane: "change", key: "9" });
  assert.equal(existsSync(file), false);
  gate.open("");
  await Promise.all([first, both]);
  assert.equal(textOf(await later), "both");
});

test("jobs with different keys, and without any, run side by side", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const [one, two] = [gates.make(), gates.make()];
  const jobs = [
    held.run(one.job, { lane: "change", key: "1" }),
    held.run(two.job, { lane: "change", key: "2" }),
    held.run(OSTYPE, { lane: "read" }),
  ] as const;
  // Neither is let through before both have come to their gates.
  await one.reached(jobs[0]);
  await two.reached(jobs[1]);
  one.open("1");
  two.open("2");
  assert.deepEqual((await Promise.all(jobs)).map(textOf), ["1", "2", "Linux\n"]);
});

test("deletions that stand still keep neither each other nor another lane waiting", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const closed = Array.from({ length: 6 }, () => gates.make());
  const deletions = closed.map((gate) => held.run(gate.job, { lane: "delete" }));
  for (const [index, gate] of closed.entries()) await gate.reached(deletions[index] as Promise<unknown>);
  for (const lane of ["read", "change", "slow"] as const) {
    assert.equal(textOf(await held.run(OSTYPE, { lane })), "Linux\n");
  }
  for (const gate of closed) gate.open("");
  await Promise.all(deletions);
});

test("a worker that stands still does not keep the main thread from its work", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const gate = gates.make();
  let isDone = false;
  const job = held.run(gate.job, { lane: "slow" }).then(() => {
    isDone = true;
  });
  await gate.reached(job);
  for (let tick = 0; tick < 5; tick++) await delay(1);
  assert.equal(isDone, false);
  gate.open("");
  await job;
});

test("a job that fails says why, with the error number, and the thread goes on", PATIENCE, async () => {
  await using held = makePool();
  const thread = await held.firstThread("slow");
  await assert.rejects(held.run(read("/nowhere"), { lane: "slow", key: "1" }), (error) => {
    assert.ok(error instanceof JobError);
    assert.deepEqual([error.errno, error.code], [2, "kernel"]);
    assert.match(error.message, /ENOENT.*\/nowhere/);
    return true;
  });
  await held.run(OSTYPE, { lane: "slow", key: "1" });
  assert.equal(held.workers.at(-1), thread);
});

test(
  "tasks of one job are done in order, up to the first that fails, and that one is told",
  PATIENCE,
  async () => {
    await using held = makePool();
    using gates = new Gates();
    const file = join(gates.folder, "steps");
    const tasks = [write(file, "one"), read(file), read("/nowhere"), write(file, "two")].map((job) => ({
      job,
      namespaceFd: undefined,
    }));
    assert.deepEqual((await held.runAll(tasks.slice(0, 2), { lane: "slow" })).map(textOf), [
      undefined,
      "one",
    ]);
    await assert.rejects(held.runAll(tasks, { lane: "slow" }), { name: "JobError", position: 2 });
    assert.equal(readFileSync(file, "utf8"), "one");
  },
);

test("a job for a namespace that cannot be entered fails", PATIENCE, async () => {
  await using held = makePool();
  const task: Task = { job: OSTYPE, namespaceFd: 1_000_000 };
  await assert.rejects(held.runAll([task], { lane: "read" }), /enter the network namespace: EBADF/);
});

test("a worker that dies takes its job with it, and the lane goes on with a new one", PATIENCE, async () => {
  await using held = makePool();
  const thread = await held.firstThread("slow");
  // No job: the worker does not survive it.
  thread.postMessage(null);
  const lost = held.run(OSTYPE, { lane: "slow", key: "1" });
  const next = held.run(OSTYPE, { lane: "slow", key: "1" });
  await assert.rejects(lost, { code: "internal", message: /a netlink worker died: .*null/ });
  assert.equal(textOf(await next), "Linux\n");
  assert.notEqual(held.workers.at(-1), thread);
});

test("a worker that ends without an error does not leave its job unanswered", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const gate = gates.make();
  const thread = await held.firstThread("slow");
  const lost = held.run(gate.job, { lane: "slow" });
  await gate.reached(lost);
  // It ends when it comes back from the kernel, before it can answer.
  const ended = thread.terminate();
  gate.open("");
  await assert.rejects(lost, {
    code: "internal",
    message: /a netlink worker died: it ended with exit code 1/,
  });
  await ended;
  await held.run(OSTYPE, { lane: "slow" });
});

test("stopping lets what is queued finish, ends the threads and takes nothing more", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const file = join(gates.folder, "last");
  const gate = gates.make();
  const first = held.run(gate.job, { lane: "change", key: "1" });
  const last = held.run(write(file, "done"), { lane: "change", key: "1" });
  await gate.reached(first);
  const stopped = held.pool.stop();
  await assert.rejects(held.run(OSTYPE, { lane: "read" }), {
    code: "unavailable",
    message: "the netlink workers have stopped",
  });
  gate.open("");
  await Promise.all([first, last, stopped]);
  assert.equal(readFileSync(file, "utf8"), "done");
  // A thread that has ended has no id any more.
  assert.deepEqual(
    held.workers.map(({ threadId }) => threadId),
    held.workers.map(() => -1),
  );
});

test("stopping twice is as good as once, and a pool that did nothing stops, too", PATIENCE, async () => {
  await using held = makePool();
  const idle = new WorkerPool();
  await idle.stop();
  await held.run(OSTYPE, { lane: "read" });
  await Promise.all([held.pool.stop(), held.pool.stop()]);
  await held.pool.stop();
});

test("stopping twice while something is under way waits for it twice", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const gate = gates.make();
  const job = held.run(gate.job, { lane: "slow" });
  await gate.reached(job);
  const stops = Promise.all([held.pool.stop(), held.pool.stop()]);
  gate.open("");
  await job;
  assert.equal(await Promise.race([stops.then(() => "stopped"), delay(1000, "waiting")]), "stopped");
});

/** The process may have no more threads, as under a limit of its cgroup. */
function forbidThreads(): Disposable {
  const { Worker } = workerThreads;
  const replace = (by: typeof Worker) => {
    workerThreads.Worker = by;
    syncBuiltinESMExports();
  };
  replace(
    class {
      constructor() {
        throw new Error("Worker initialization failure: EAGAIN");
      }
    } as unknown as typeof Worker,
  );
  return { [Symbol.dispose]: () => replace(Worker) };
}

test("when no more threads can be started, those there are do the work", PATIENCE, async () => {
  await using held = makePool();
  using gates = new Gates();
  const gate = gates.make();
  using _ = forbidThreads();
  const first = held.run(gate.job, { lane: "change", key: "1" });
  await gate.reached(first);
  const second = held.run(OSTYPE, { lane: "change", key: "2" });
  gate.open("");
  await first;
  assert.equal(textOf(await second), "Linux\n");
});

test(
  "a job of a lane for which no thread can be started is refused, and the next may go",
  PATIENCE,
  async () => {
    await using held = makePool();
    {
      using _ = forbidThreads();
      await assert.rejects(held.run(OSTYPE, { lane: "slow", key: "1" }), {
        code: "unavailable",
        message: /^no netlink worker can be started: .*EAGAIN$/,
      });
    }
    assert.equal(textOf(await held.run(OSTYPE, { lane: "slow", key: "1" })), "Linux\n");
  },
);

test("a pool that has ended leaves no descriptor open", PATIENCE, async () => {
  const useAllLanes = async () => {
    await using held = makePool();
    const lanes = ["change", "read", "delete", "slow"] as const;
    await Promise.all(lanes.map((lane) => held.run(OSTYPE, { lane })));
  };
  const countDescriptors = () => readdirSync("/proc/self/fd").length;
  // The first threads of a process open some that stay.
  await useAllLanes();
  const before = countDescriptors();
  await useAllLanes();
  assert.equal(countDescriptors(), before);
});
