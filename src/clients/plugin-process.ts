import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { ENOENT, errnoName } from "../linux/errno.ts";
import { errorText, LanyardError, NotFoundError } from "../model/errors.ts";

/** Bytes; a result is a few hundred. */
const LONGEST_OUTPUT = 1 << 20;
/** Bytes of standard error that are kept; the first ones, where a program that falls says why. */
const LONGEST_COMPLAINT = 4096;
/** How long a program that was killed may take to be gone, in milliseconds: until then the kernel may still work for it. */
const DYING = 5_000;
/** How long output may come after the end of a program, from what it started and left behind, in milliseconds. */
const LINGERING = 100;

/** A program to be run, by native/run-plugin.c. */
export interface PluginProcess {
  /** The program built from native/run-plugin.c. */
  readonly starter: string;
  /** Folder in /proc of a process whose mounts the program shall see; absent where they are our own. */
  readonly mountsOf?: string;
  /** Name of the program; without `/`. */
  readonly name: string;
  /** Where it is looked for; the first that has it counts. */
  readonly directories: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs: number;
}

/** How a program ended by itself. */
export interface PluginEnd {
  readonly exitCode: number;
  /** What it wrote to standard output, whole. */
  readonly output: string;
  /** What it wrote to standard error, its beginning. */
  readonly complaint: string;
}

/**
 * Runs a program to its end. Throws LanyardError: `not-found` when no folder has it, `timeout` when it took too long,
 * `unavailable` when it cannot be run, ended by a signal, or wrote too much. One that is killed is killed with all it
 * started in its process group, and is gone by then, unless the error says that it is not.
 */
export async function runPluginProcess(plugin: PluginProcess): Promise<PluginEnd> {
  const child = await start(plugin);
  // Known before anything is awaited, so that it is not missed.
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const stop = new AbortController();
  const stopped = once(stop.signal, "abort");
  const [stdin, stdout, stderr, report] = child.stdio as unknown as [Writable, Readable, Readable, Readable];
  const output = collect(stdout, LONGEST_OUTPUT, () =>
    stop.abort(`wrote more than ${LONGEST_OUTPUT} bytes to standard output`),
  );
  const complaint = collect(stderr, LONGEST_COMPLAINT);
  const refusal = collect(report, 64);
  // A program need not read it, and closes it unread at its end.
  stdin.on("error", () => {});
  stdin.end(plugin.input);

  const { name, timeoutMs } = plugin;
  const late = `did not end within ${timeoutMs / 1000} s and was killed`;
  const timer = setTimeout(() => stop.abort(late), timeoutMs);
  await Promise.race([ended, stopped]);
  clearTimeout(timer);
  const isGone = stop.signal.aborted ? await kill(child, ended) : true;
  await readRest([stdout, stderr, report]);

  if (stop.signal.aborted) {
    const rest = isGone ? "" : "it does not end, because the kernel still works for it";
    const message = withComplaint([`${name} ${stop.signal.reason}`, rest], complaint.text());
    throw new LanyardError(stop.signal.reason === late ? "timeout" : "unavailable", message);
  }
  if (refusal.text() !== "") throw cannotRun(plugin, refusal.text());
  const [exitCode, signal] = await ended;
  if (exitCode === null) {
    const message = withComplaint([`${name} was ended by ${signal}`], complaint.text());
    throw new LanyardError("unavailable", message);
  }
  return { exitCode, output: output.text(), complaint: complaint.text() };
}

/** Starts the program, by the program that starts it. Where that fails, Node tells it at once or later, by its kind. */
async function start(plugin: PluginProcess): Promise<ChildProcess> {
  const { starter, mountsOf = "-", name, directories, environment } = plugin;
  try {
    const child = spawn(starter, [String(process.pid), mountsOf, name, ...directories], {
      cwd: "/",
      env: environment,
      // A process group of its own, which can be killed as a whole.
      detached: true,
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    // Waits for the error that comes then.
    if (child.pid === undefined) await once(child, "spawn");
    return child;
  } catch (error) {
    throw new LanyardError("unavailable", `cannot start ${starter}: ${errorText(error)}`, { cause: error });
  }
}

/** Parts of a message, with what a program wrote to standard error as the last, cut to what a person reads. */
export function withComplaint(parts: readonly (string | undefined)[], complaint: string): string {
  const text = complaint.trim().replace(/\s+/g, " ");
  const cut = text.length > 500 ? `${text.slice(0, 497)}...` : text;
  return [...parts, text === "" ? "" : `standard error: ${cut}`].filter((part) => part).join("; ");
}

/** Reads a stream to its end and keeps the beginning; `onMore` is called when there is more than is kept. */
function collect(stream: Readable, most: number, onMore?: () => void): { text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size < most) chunks.push(chunk.subarray(0, most - size));
    size += chunk.length;
    if (size > most) onMore?.();
  });
  return { text: () => Buffer.concat(chunks).toString("utf8") };
}

/**
 * Waits for the end of the streams, but not for what a program left behind and which holds them. Everything the program
 * itself wrote is in the pipes when it has ended, and is read in the turn of the event loop after the pause.
 */
async function readRest(streams: readonly Readable[]): Promise<void> {
  const given = new AbortController();
  const pause = sleep(LINGERING, undefined, { signal: given.signal })
    .then(() => turn())
    .catch(() => {});
  await Promise.race([Promise.allSettled(streams.map((stream) => finished(stream))), pause]);
  given.abort();
  for (const stream of streams) stream.destroy();
}

/** Kills the whole process group. False when the process is still there after a while. */
async function kill(child: ChildProcess, ended: Promise<unknown>): Promise<boolean> {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  const given = new AbortController();
  const gaveUp = sleep(DYING, false, { signal: given.signal }).catch(() => false);
  const isGone = await Promise.race([ended.then(() => true), gaveUp]);
  given.abort();
  return isGone;
}

/** @param refusal what native/run-plugin.c says: a word, and an error number */
function cannotRun({ name, directories, mountsOf }: PluginProcess, refusal: string): LanyardError {
  const [word, number] = refusal.split(" ");
  const folders = directories.join(", ");
  if (word === "find" && Number(number) === ENOENT) {
    return new NotFoundError(`the program ${name} is in none of ${folders}; install it there`);
  }
  const reason = errnoName(Number(number));
  const what: Readonly<Record<string, string>> = {
    enter: `cannot enter the mounts of ${mountsOf}`,
    limit: `cannot limit the program ${name}`,
    find: `cannot look for the program ${name} in ${folders}`,
    run: `cannot run the program ${name} found in the first of ${folders} that has it`,
  };
  return new LanyardError("unavailable", `${what[word ?? ""] ?? refusal}: ${reason}`);
}
