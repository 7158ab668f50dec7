import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

/** How long an agent that was told to end may take, in milliseconds. */
const END_PATIENCE_MS = 15_000;

export interface AgentPlaces {
  readonly configuration: string;
  readonly kubeletDir: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly metricsSocket: string;
}

/** The whole agent in a process of its own, as a node has it. */
export class AgentProcess implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor({ configuration, kubeletDir, stateDir, runDir, metricsSocket }: AgentPlaces) {
    const parameters = [
      ...["--config", configuration, "--kubelet-dir", kubeletDir, "--state-dir", stateDir],
      ...["--run-dir", runDir, "--metrics-address", `unix:${metricsSocket}`, "--log-level", "error"],
    ];
    this.#process = spawn(process.execPath, [MAIN, "agent", ...parameters], {
      stdio: ["ignore", "inherit", "inherit"],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), END_PATIENCE_MS);
    this.#process.kill("SIGTERM");
    await ended;
    clearTimeout(late);
  }
}
