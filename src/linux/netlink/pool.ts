import { Worker } from "node:worker_threads";
import { LanyardError } from "../../model/errors.ts";
import { type Job, type JobMessage, type JobReply, type JobResult, STOP } from "./jobs.ts";

/**
 * Kinds of work that must not wait for each other. `change`: in order per key. `read`: gets and dumps.
 * `delete`: a link's deletion blocks its caller for a grace period of the kernel (17 ms measured), so many
 * run side by side. `slow`: devlink, sysfs and whatever else a driver may hold for seconds.
 */
export type Lane = "change" | "read" | "delete" | "slow";

/** Most threads a lane may start; they start when they are first needed. */
const LANE_THREADS: Record<Lane, number> = { change: 2, read: 2, delete: 8, slow: 2 };

/** Where a job is done and what it must wait for. */
export interface JobPlace {
  readonly lane: Lane;
  /** Open descriptor of the namespace; undefined for the process' own. */
  readonly namespaceFd?: number | undefined;
  /** Jobs of a lane with the same key run one after the other in the order they were given. */
  readonly key?: string | undefined;
}

/** Does jobs away from the main thread. */
export interface JobRunner {
  run(job: Job, place: JobPlace): Promise<JobResult>;
}

interface QueuedJob {
  readonly job: Job;
  readonly place: JobPlace;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  current: QueuedJob | undefined;
}

/** The pool of worker threads, with its lanes. Threads do not keep the process alive while they are idle. */
export class WorkerPool implements JobRunner {
  readonly #lanes: Record<Lane, LaneThreads>;
  #isStopped = false;

  constructor() {
    this.#lanes = {
      change: new LaneThreads("change"),
      read: new LaneThreads("read"),
      delete: new LaneThreads("delete"),
      slow: new LaneThreads("slow"),
    };
  }

  run(job: Job, place: JobPlace): Promise<JobResult> {
    if (this.#isStopped) {
      return Promise.reject(
        new LanyardError("unavailable", `the netlink workers have stopped: ${job.do} refused`),
      );
    }
    return this.#lanes[place.lane].add(job, place);
  }

  /** Lets what is queued finish, then ends all threads. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(Object.values(this.#lanes).map((lane) => lane.stop()));
  }
}

class LaneThreads {
  readonly #lane: Lane;
  readonly #threads: Thread[] = [];
  readonly #queue: QueuedJob[] = [];
  readonly #busyKeys = new Set<string>();
  #nextId = 1;
  #whenIdle: (() => void) | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  add(job: Job, place: JobPlace): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, place, resolve, reject });
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
    for (let next = 0; next < this.#queue.length; ) {
      const queued = this.#queue[next] as QueuedJob;
      const key = queued.place.key;
      if (key !== undefined && this.#busyKeys.has(key)) {
        next += 1;
        continue;
      }
      const thread = this.#freeThread();
      if (thread === undefined) return;
      this.#queue.splice(next, 1);
      if (key !== undefined) this.#busyKeys.add(key);
      thread.current = queued;
      thread.worker.ref();
      const message: JobMessage = {
        id: this.#nextId++,
        namespaceFd: queued.place.namespaceFd,
        job: queued.job,
      };
      thread.worker.postMessage(message);
    }
  }

  #freeThread(): Thread | undefined {
    const free = this.#threads.find((thread) => thread.current === undefined);
    if (free !== undefined || this.#threads.length >= LANE_THREADS[this.#lane]) return free;
    const thread: Thread = {
      worker: new Worker(new URL("./worker.ts", import.meta.url), {
        name: `netlink-${this.#lane}`,
        // A descriptor made in a thread is handed to the main thread, which closes it.
        trackUnmanagedFds: false,
      }),
      current: undefined,
    };
    thread.worker.on("message", (reply: JobReply) => this.#finish(thread, reply));
    thread.worker.on("error", (error: Error) => this.#lose(thread, error.message, error));
    thread.worker.on("exit", (code) => this.#lose(thread, `it ended with exit code ${code}`));
    thread.worker.unref();
    this.#threads.push(thread);
    return thread;
  }

  #finish(thread: Thread, reply: JobReply): void {
    const queued = this.#take(thread);
    if (queued === undefined) return;
    if (reply.result !== undefined) queued.resolve(reply.result);
    else
      queued.reject(new JobError(reply.failed?.message ?? "the worker gave no result", reply.failed?.errno));
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
    if (queued?.place.key !== undefined) this.#busyKeys.delete(queued.place.key);
    return queued;
  }

  #tellIdle(): void {
    if (this.#queue.length === 0 && this.#threads.every((thread) => thread.current === undefined))
      this.#whenIdle?.();
  }
}

/** A job failed for another reason than a netlink answer: a file that is missing, a namespace that is gone. */
export class JobError extends LanyardError {
  readonly errno: number | undefined;

  constructor(message: string, errno: number | undefined) {
    super("kernel", message);
    this.errno = errno;
  }
}
