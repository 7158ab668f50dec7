import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { MissingProgramError } from "../benchmark.ts";

/** A program to be run to its end. */
export interface Order {
  readonly program: string;
  readonly parameters?: readonly string[];
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

/** How a program ended. */
export interface Ended {
  readonly code: number;
  /** From the fork to the end. */
  readonly milliseconds: number;
  readonly output: string;
}

/** `launcher.c`, built for this run: starts programs and measures each as a whole process. */
export class Launcher implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Ended>>();
  #lastId = 0;
  #answers = Buffer.alloc(0);

  /** @param folder where the program is built */
  constructor(folder: string) {
    const program = join(folder, "launcher");
    const source = join(import.meta.dirname, "launcher.c");
    const words = ["-Wall", "-Wextra", "-Werror", "-O2", "-o", program, source];
    const built = spawnSync("cc", words, { encoding: "utf8" });
    if (built.error !== undefined) throw new MissingProgramError("cc", "gcc libc6-dev");
    if (built.status !== 0) throw new Error(`cc ${source}: ${built.stderr}`);
    this.#process = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.#process.stdin?.on("error", () => {});
    this.#process.stdout?.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#process.once("exit", () => this.#fail());
  }

  get processId(): number {
    if (this.#process.pid === undefined) throw new Error("the launcher could not be started");
    return this.#process.pid;
  }

  /** Runs the program, beside those that run already. */
  async run({ program, parameters = [], environment, input }: Order): Promise<Ended> {
    this.#lastId += 1;
    const waiting = Promise.withResolvers<Ended>();
    this.#waiting.set(this.#lastId, waiting);
    const words = [program, ...parameters];
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const head = `${this.#lastId} ${words.length} ${variables.length} ${Buffer.byteLength(input)}\n`;
    this.#process.stdin?.write(
      `${head}${[...words, ...variables].map((word) => `${word}\0`).join("")}${input}`,
    );
    return await waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.stdin?.end();
    await ended;
  }

  #take(bytes: Buffer): void {
    this.#answers = Buffer.concat([this.#answers, bytes]);
    for (;;) {
      const end = this.#answers.indexOf("\n");
      if (end < 0) return;
      const head = this.#answers.toString("utf8", 0, end).split(" ").map(Number);
      const [id, code, nanoseconds, length] = head as [number, number, number, number];
      if (this.#answers.length < end + 1 + length) return;
      const output = this.#answers.toString("utf8", end + 1, end + 1 + length);
      this.#answers = this.#answers.subarray(end + 1 + length);
      this.#waiting.get(id)?.resolve({ code, milliseconds: nanoseconds / 1e6, output });
      this.#waiting.delete(id);
    }
  }

  #fail(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("the launcher ended by itself"));
    this.#waiting.clear();
  }
}
