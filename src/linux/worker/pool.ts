import { Worker } from "node:worker_threads";
import { errorText, LanyardError } from "../../model/errors.ts";
import { type JobMessage, type JobPart, type JobReply, type JobResult, STOP, type Task } from "./jobs.ts";

/**
 * Kinds of work that must not wait for each other. `change`: in order per key. `read`: gets and dumps.
 * `delete`: a link's deletion blocks its caller for a grace period of the kernel (17 ms measured), so many
 * run side by side. `slow`: devlink, ethtool and whatever else a driver may hold for seconds. `device`:
 * writes to sysfs, of which one may wait for ever: a function is taken from vfio when its program lets go of it.
 */
export type Lane = "change" | "read" | "delete" | "slow" | "device";

/**
 * Most threads a lane may start. One of the first two lanes' starts at once, the others when needed, and stays: a thread
 * that ends takes what koffi has mapped for it out of reach (3 MB of addresses, seen with 3.3.4). The grace periods of
 * deletions that begin together end together (rcu_barrier, kernel/rcu/tree.c), and whoever waits for a deletion waits for its
 * announcement, which comes before the grace period: more than these would take 7 MB each for little (440 deletions by six
 * threads took as long as by twenty, measured on half a core).
 */
const LANE_THREADS: Record<Lane, number> = { change: 2, read: 2, delete: 6, slow: 2, device: 8 };

/** A thread decodes nothing and keeps nothing, so that it needs little: 7 MB instead of 21 (measured). */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

/** When work is done: in which lane, and what it must wait for. */
export interface Schedule {
  readonly lane: Lane;
  /** Work of a lane with the same key runs one after the other in the order they were given. */
  readonly key?: string | undefined;
  /** Keys it has besides, such as those of the other links a sequence changes. */
  readonly otherKeys?: readonly string[];
}

/** Does jobs away from the main thread. */
export interface JobRunner {
  /**
   * Does tasks in one go, one after the other, until one is refused or fails. Gives the results up to there, a
   * refusal of the kernel included. Throws JobError when a task failed for another reason. `onPart` gets what comes
   * before its task is done, where a task asks for that; it must not throw.
   */
  run(
    tasks: readonly Task[],
    schedule: Schedule,
    onPart?: (part: JobPart) => void,
  ): Promise<readonly JobResult[]>;
}

interface QueuedJob {
  readonly tasks: readonly Task[];
  readonly schedule: Schedule;
  readonly onPart: (part: JobPart) => void;
  readonly resolve: (results: readonly JobResult[]) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  current: QueuedJob | undefined;
}

/** The pool of worker threads, with its lanes. Threads do not keep the process alive while they are idle. */
export class WorkerPool implements JobRunner {
  readonly #lanes: Record<Lane, LaneThreads>;
  #stopping: Promise<unknown> | undefined;

  constructor() {
    this.#lanes = {
      change: new LaneThreads("change"),
      read: new LaneThreads("read"),
      delete: new LaneThreads("delete"),
      slow: new LaneThreads("slow"),
      device: new LaneThreads("device"),
    };
    // A thread takes tens of milliseconds to start: the first attachment shall not wait for that.
    this.#lanes.change.warmUp();
    this.#lanes.read.warmUp();
  }

  run(
    tasks: readonly Task[],
    schedule: Schedule,
    onPart: (part: JobPart) => void = () => {},
  ): Promise<readonly JobResult[]> {
    if (this.#stopping !== undefined) {
      return Promise.reject(new LanyardError("unavailable", "the netlink workers have stopped"));
    }
    return this.#lanes[schedule.lane].add(tasks, schedule, onPart);
  }

  /** Lets what is queued finish, then ends all threads. */
  async stop(): Promise<void> {
    this.#stopping ??= Promise.all(Object.values(this.#lanes).map((lane) => lane.stop()));
    await this.#stopping;
  }
}

class LaneThreads {
  readonly #lane: Lane;
  readonly #threads: Thread[] = [];
  readonly #queue: QueuedJob[] = [];
  readonly #busyKeys = new Set<string>();
  #whenIdle: (() => void) | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  add(
    tasks: readonly Task[],
    schedule: Schedule,
    onPart: QueuedJob["onPart"],
  ): Promise<readonly JobResult[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ tasks, schedule, onPart, resolve, reject });
      this.#dispatch();
    });
  }

  async stop(): Promise<void> {
    if (this.#queue.length > 0 || this.#threads.some((thread) => thread.current !== undefined)) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    const ended = this.#threads.map(
      (thread) => new Promise<void>((done) => thread.worker.once("exit", () => done())),
    );
    for (const thread of this.#threads) {
      thread.worker.ref();
      thread.worker.postMessage(STOP);
    }
    await Promise.all(ended);
  }

  #dispatch(): void {
    // Also those of what waits: nothing overtakes what was given earlier with one of its keys.
    const takenKeys = new Set(this.#busyKeys);
    for (let next = 0; next < this.#queue.length; ) {
      const queued = this.#queue[next] as QueuedJob;
      const keys = keysOf(queued.schedule);
      const mustWait = keys.some((key) => takenKeys.has(key));
      for (const key of keys) takenKeys.add(key);
      if (mustWait) {
        next += 1;
        continue;
      }
      let thread: Thread | undefined;
      try {
        thread = this.#freeThread();
      } catch (error) {
        // No more threads or memory for this process: those there are do it later. Where none is, nobody would.
        if (this.#threads.length > 0) return;
        this.#queue.splice(next, 1);
        const text = `no netlink worker can be started: ${errorText(error)}`;
        queued.reject(new LanyardError("unavailable", text, { cause: error }));
        continue;
      }
      if (thread === undefined) return;
      this.#queue.splice(next, 1);
      for (const key of keys) this.#busyKeys.add(key);
      thread.current = queued;
      thread.worker.ref();
      const message: JobMessage = { tasks: queued.tasks };
      thread.worker.postMessage(message);
    }
  }

  /** Starts the first thread before there is work. */
  warmUp(): void {
    if (this.#threads.length === 0) this.#startThread();
  }

  #freeThread(): Thread | undefined {
    const free = this.#threads.find((thread) => thread.current === undefined);
    if (free !== undefined || this.#threads.length >= LANE_THREADS[this.#lane]) return free;
    return this.#startThread();
  }

  #startThread(): Thread {
    const thread: Thread = {
      worker: new Worker(new URL("./worker.ts", import.meta.url), {
        name: `netlink-${this.#lane}`,
        // A descriptor made in a thread is handed to the main thread, which closes it.
        trackUnmanagedFds: false,
        resourceLimits: THREAD_LIMITS,
      }),
      current: undefined,
    };
    thread.worker.on("message", (reply: JobReply | JobPart) => {
      if ("part" in reply) thread.current?.onPart(reply);
      else this.#finish(thread, reply);
    });
    thread.worker.on("error", (error: Error) => this.#lose(thread, error.message, error));
    thread.worker.on("exit", (code) => this.#lose(thread, `it ended with exit code ${code}`));
    thread.worker.unref();
    this.#threads.push(thread);
    return thread;
  }

  #finish(thread: Thread, reply: JobReply): void {
    const queued = this.#take(thread);
    if (queued === undefined) return;
    if (reply.failed === undefined) queued.resolve(reply.results);
    else queued.reject(new JobError(reply.failed, reply.results.length));
    this.#dispatch();
    this.#tellIdle();
  }

  /** A thread that died takes its job with it; the next job starts another thread. */
  #lose(thread: Thread, reason: string, cause?: Error): void {
    const at = this.#threads.indexOf(thread);
    if (at >= 0) this.#threads.splice(at, 1);
    this.#take(thread)?.reject(new LanyardError("internal", `a netlink worker died: ${reason}`, { cause }));
    this.#dispatch();
    this.#tellIdle();
  }

  #take(thread: Thread): QueuedJob | undefined {
    const queued = thread.current;
    thread.current = undefined;
    thread.worker.unref();
    if (queued !== undefined) for (const key of keysOf(queued.schedule)) this.#busyKeys.delete(key);
    return queued;
  }

  #tellIdle(): void {
    if (this.#queue.length === 0 && this.#threads.every((thread) => thread.current === undefined))
      this.#whenIdle?.();
  }
}

function keysOf({ key, otherKeys = [] }: Schedule): readonly string[] {
  return key === undefined ? otherKeys : [key, ...otherKeys];
}

/** A job failed for another reason than a netlink answer: a file that is missing, a namespace that is gone. */
export class JobError extends LanyardError {
  readonly errno: number | undefined;
  /** Position of the task that failed. */
  readonly position: number;

  constructor({ code, message, errno }: NonNullable<JobReply["failed"]>, position: number) {
    super(code, message);
    this.errno = errno;
    this.position = position;
  }
}
