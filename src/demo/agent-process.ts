import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LanyardError } from "../model/errors.ts";
import { type DemoPlaces, projectFile } from "./places.ts";

/** A broken connection is seen this much earlier than the end of the process behind it, in milliseconds. */
const DEATH_MS = 500;
/** How long the agent may take to stop before it is killed, in milliseconds. */
const STOP_MS = 5000;

/** Enters a mount namespace in which sysfs shows the node's links, and becomes the agent there. */
const ENTER = 'mount -n -t sysfs sysfs /sys && exec "$@"';

/** The agent, running in the node. */
export class AgentProcess {
  /** Aborts when the agent ends without having been told to; the reason says how. */
  readonly died: AbortSignal;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #logPath: string;
  #isStopping = false;

  constructor(nodePath: string, places: DemoPlaces) {
    this.#logPath = places.agentLog;
    for (const folder of [places.state, places.kubelet]) mkdirSync(folder, { recursive: true });
    const log = openSync(places.agentLog, "a", 0o600);
    const command = ["--", "unshare", "--mount", "--", "sh", "-c", ENTER, "sh", process.execPath];
    this.#child = spawn("nsenter", [`--net=${nodePath}`, ...command, ...agentArguments(places)], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const died = new AbortController();
    this.died = died.signal;
    const end = (how: string) => {
      if (this.#isStopping) return;
      died.abort(new LanyardError("unavailable", `the agent has ended by itself: ${how}`));
    };
    this.#gone = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        end(error.message);
        if (this.#child.pid === undefined) resolve();
      });
      this.#child.once("exit", (code, signal) => {
        end(signal ?? `exit code ${code}`);
        resolve();
      });
    });
  }

  /** Lets the agent stop as it does on a node; kills it when that takes too long. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill("SIGTERM");
    const timeout = new AbortController();
    const late = sleep(STOP_MS, undefined, { signal: timeout.signal }).then(
      () => this.#child.kill("SIGKILL"),
      () => {},
    );
    await this.#gone;
    timeout.abort();
    await late;
  }

  /** Why the agent is dead, when it is or is just dying; undefined when it lives. */
  async causeOfDeath(): Promise<unknown> {
    await Promise.race([this.#gone, sleep(DEATH_MS, undefined, { ref: false })]);
    return this.died.aborted ? this.died.reason : undefined;
  }

  /** The last lines the agent wrote, as people read them. */
  lastWords(lines: number): string[] {
    const written = readFileSync(this.#logPath, "utf8").trimEnd().split("\n");
    return written.slice(-lines).map(describeLogLine);
  }
}

function agentArguments(places: DemoPlaces): string[] {
  return [
    projectFile("src/cli/main.ts"),
    "agent",
    ...["--standalone", places.manifests],
    ...["--config", places.config],
    ...["--state-dir", places.state],
    ...["--run-dir", places.folder],
    ...["--kubelet-dir", places.kubelet],
    ...["--metrics-address", `unix:${places.metricsSocket}`],
    ...["--log-level", "info"],
  ];
}

/** A line of the log is JSON, or what something else than the log has said. */
function describeLogLine(line: string): string {
  try {
    const { level, part, msg, err } = JSON.parse(line);
    const word = level >= 50 ? "error" : level >= 40 ? "warning" : "info";
    const cause = err?.message === undefined ? "" : `: ${err.message}`;
    return `${word}${part === undefined ? "" : ` (${part})`}: ${msg}${cause}`;
  } catch {
    return line;
  }
}
