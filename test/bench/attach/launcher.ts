import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * For each line of variables, as `env` takes them, and each line of input after it: runs the program in $1 with
 * both, and says after its output how it ended. The marker in $2 cannot be part of a program's output.
 */
const SCRIPT = [
  "set -f",
  "while read -r variables && read -r input; do",
  '  (for each in $variables; do export "$each"; done; exec "$1") <<END',
  "$input",
  "END",
  '  printf "\\n%s %s\\n" "$2" $?',
  "done",
].join("\n");

/**
 * Starts programs from shells that wait for it. Node, with its threads and mappings, takes 2 ms and more to
 * start a process, a shell less than 1 ms, as a container runtime does: a peer is not to be charged for Node.
 * There are as many shells as programs were ever started at once.
 */
export class Launcher implements AsyncDisposable {
  readonly #program: string;
  readonly #shells: Shell[] = [];
  readonly #idle: Shell[] = [];

  constructor(program: string) {
    this.#program = program;
  }

  /**
   * Runs the program to its end. Neither variables nor input may hold a line feed, nor variables a blank.
   * Resolves with the exit code and what it wrote to standard output.
   */
  async run(variables: Readonly<Record<string, string>>, input: string): Promise<Ended> {
    const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    if (words.some((word) => /\s/.test(word)) || input.includes("\n")) {
      throw new RangeError(`cannot be handed to a shell as lines: ${words.join(" ")} ${input}`);
    }
    const shell = this.#idle.pop() ?? this.#addShell();
    const ended = await shell.run(`${words.join(" ")}\n${input}\n`);
    this.#idle.push(shell);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#shells.map((shell) => shell.end()));
  }

  #addShell(): Shell {
    const shell = new Shell(this.#program);
    this.#shells.push(shell);
    return shell;
  }
}

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

const MARKER = "--ended--";

class Shell {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    const child = spawn("sh", ["-c", SCRIPT, "sh", program, MARKER], { stdio: ["pipe", "pipe", "inherit"] });
    // The end of the shell shows as the end of its output.
    child.stdin.on("error", () => {});
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async run(order: string): Promise<Ended> {
    this.#process.stdin?.write(order);
    const output: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error("a shell that starts programs ended by itself");
      if (value.startsWith(MARKER)) {
        return { code: Number(value.slice(MARKER.length)), output: output.join("\n").trim() };
      }
      output.push(value);
    }
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.stdin?.end();
    await ended;
  }
}
