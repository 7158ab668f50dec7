import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, ArgumentOf, Order, Orders, ResultOf } from "./orders.ts";

/** How long an order may take, in milliseconds. */
const PATIENCE_MS = 30_000;
/** How long a process that was told to end may take, in milliseconds. */
const END_PATIENCE_MS = 5_000;

/**
 * A process of its own for one part of a benchmark, which does what it is asked to (see `obey`). Each runs alike: the
 * same Node with the same options, its output where this one's is.
 */
export class Companion<O extends Orders> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #hasEnded = false;

  /** @param program a file that calls `obey` */
  constructor(program: string, ...parameters: string[]) {
    // What is resident is only told apart from garbage after a collection.
    this.#process = fork(program, parameters, { execArgv: ["--expose-gc"], serialization: "advanced" });
    this.#process.on("message", (answer: Answer) => this.#take(answer));
    this.#process.once("exit", (code, signal) => this.#fail(`${program} ended with ${signal ?? code}`));
    this.#process.once("error", (error) => this.#fail(`${program} could not be started: ${error.message}`));
  }

  get processId(): number | undefined {
    return this.#process.pid;
  }

  /** Orders are taken in the order in which they were given, and may be answered in another. */
  async ask<K extends keyof O & string>(name: K, ...parameters: ArgumentOf<O[K]>): Promise<ResultOf<O[K]>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#process.send({ id, name, parameters } satisfies Order, (error) => {
      if (error !== null) waiting.reject(error);
    });
    const late = setTimeout(() => waiting.reject(new Error(`"${name}" was not answered`)), PATIENCE_MS);
    try {
      return (await waiting.promise) as ResultOf<O[K]>;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#process, "exit");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), END_PATIENCE_MS);
    this.#process.disconnect();
    await ended;
    clearTimeout(late);
  }

  #take({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #fail(message: string): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
  }
}
