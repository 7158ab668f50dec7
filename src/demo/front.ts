import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { LanyardError } from "../model/errors.ts";
import { findEnclosure } from "./enclosure.ts";
import { demoFolder, makeFolder, removeFolder, removeLeftover, writeWorld } from "./folder.ts";
import { takeLock } from "./lock.ts";
import { writeOrder } from "./order.ts";
import { projectFile } from "./places.ts";
import { type Relay, startRelay } from "./relay.ts";

/** How long the world may take to tidy up before it is killed, in milliseconds. */
const TIDY_MS = 15_000;
/** Prometheus looks for the agent here. */
const METRICS_PORT = 9808;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface FrontOptions {
  /** Goes on serving until a signal comes. */
  readonly isServing: boolean;
  readonly hasColour: boolean;
  readonly say: (line: string) => void;
}

/**
 * Runs the demo: its outer half, in the user's terminal and network. The inner half (inside.ts) has namespaces
 * of its own and lives only as long as it should: it ends when the pipe held here does, so also when this
 * process is killed, and the kernel removes everything that is in it.
 *
 * A signal ends it politely, a second one at once.
 *
 * @returns whether every figure was inside its tolerance
 * @throws LanyardError when it cannot start
 */
export async function runDemo(options: FrontOptions): Promise<boolean> {
  const { say } = options;
  const folder = demoFolder();
  const lock = await takeLock(`lanyard-demo:${folder}`);
  const stop = new AbortController();
  let world: ChildProcess | undefined;
  let relay: Relay | undefined;
  let isFolderOurs = false;
  const onSignal = () => {
    if (stop.signal.aborted) world?.kill("SIGKILL");
    stop.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const enclosure = findEnclosure();
    if (await removeLeftover(folder)) say("An earlier demo was killed; what it left is removed.");
    if (stop.signal.aborted) throw new LanyardError("unavailable", "interrupted before it began");
    isFolderOurs = true;
    const places = makeFolder(folder);
    if (options.isServing) relay = await startRelay(METRICS_PORT, places.metricsSocket);
    world = startWorld(enclosure);
    const ended = whenEnded(world);
    if (world.pid !== undefined) writeWorld(places.worldFile, world.pid);
    const { isServing, hasColour } = options;
    const order = { folder, isServing, hasColour, ...(relay === undefined ? {} : { metricsUrl: relay.url }) };
    world.stdin?.write(writeOrder(order));
    const code = await endWithSignal(world, ended, stop.signal);
    await removeFolder(folder);
    say(describeEnd(folder, world));
    return code === 0;
  } finally {
    relay?.close();
    if (isFolderOurs) await removeFolder(folder);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await lock.close();
  }
}

function startWorld([program, ...args]: readonly [string, ...string[]]): ChildProcess {
  const inside = [process.execPath, projectFile("src/demo/inside.ts")];
  // A session of its own: a Ctrl-C in the terminal comes to us alone.
  const child = spawn(program, [...args, ...inside], {
    detached: true,
    stdio: ["pipe", "inherit", "inherit"],
  });
  // it may have ended before it read what we write
  child.stdin?.on("error", () => {});
  return child;
}

function whenEnded(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(
        new LanyardError("unavailable", `cannot start the demo's world: ${error.message}`, { cause: error }),
      ),
    );
    child.once("exit", (code) => resolve(code ?? undefined));
  });
}

/** Closes the pipe when the signal comes, and kills what does not end in time. */
async function endWithSignal(
  world: ChildProcess,
  ended: Promise<number | undefined>,
  stop: AbortSignal,
): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    world.stdin?.end();
    // unshare was told --kill-child: killed, it takes the whole world with it
    timer = setTimeout(() => world.kill("SIGKILL"), TIDY_MS);
  };
  if (stop.aborted) end();
  else stop.addEventListener("abort", end, { once: true });
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", end);
  }
}

function describeEnd(folder: string, world: ChildProcess): string {
  if (existsSync(folder)) return `${folder} could not be removed; the next demo tries again.`;
  const { signalCode, exitCode } = world;
  const isExpected = exitCode === 0 || exitCode === 1;
  const how = isExpected ? "" : ` (killed: ${signalCode ?? `exit code ${exitCode}`})`;
  return `The demo's world has ended${how}: its processes, namespaces, links and queues with it; ${folder} is removed.`;
}
