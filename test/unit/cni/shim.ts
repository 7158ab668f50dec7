import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** The shim, as `npm test` has built it. */
export const SHIM = fileURLToPath(new URL("../../../native/build/cni-shim", import.meta.url));

/** One that runs for longer is killed, in milliseconds, so that nothing is left of a test that fails. */
const LONGEST_RUN_MS = 15_000;

/** What ended; a shim that works ends with an exit code, never with a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: Buffer;
  readonly errors: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Every variable that some command needs. */
export const COMPLETE: Environment = {
  CNI_CONTAINERID: "c0ffee",
  CNI_NETNS: "/var/run/netns/cni-1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};

/** Runs a command of the shim; `program` runs it in another way, such as a shell that limits it. */
export async function runShim(
  environment: Environment,
  input: string | Uint8Array,
  program: readonly [string, ...string[]] = [SHIM],
): Promise<Ending> {
  const [command, ...args] = program;
  const limit = { timeout: LONGEST_RUN_MS, killSignal: "SIGKILL" } as const;
  const child = spawn(command, args, { env: { ...environment }, stdio: ["pipe", "pipe", "pipe"], ...limit });
  // A shim that needs no more of its input goes away.
  child.stdin.on("error", () => {}).end(input);
  const [output, errors, [code, signal]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, output, errors };
}

/** Where one test's agent would be, and its spool; the folder is gone after the test. */
export class Place {
  readonly root = mkdtempSync(join(tmpdir(), "lanyard-shim-"));
  readonly socket = join(this.root, "cni.sock");
  readonly marker = `${this.socket}.away`;
  readonly spool = join(this.root, "lib", "spool");

  constructor(t: TestContext) {
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
  }

  /** `agent` of a configuration; nothing is waited for unless it is said. */
  agent(changes: object = {}): object {
    return {
      socket: this.socket,
      spool: this.spool,
      waitMilliseconds: 0,
      graceMilliseconds: 60_000,
      ...changes,
    };
  }

  /** A configuration as it arrives on standard input. */
  input(changes: object = {}, agent: object = {}): string {
    return JSON.stringify({
      cniVersion: "1.1.0",
      name: "cluster",
      type: "lanyard",
      ...changes,
      agent: this.agent(agent),
    });
  }

  /** Runs a command with all variables. */
  run(command: string, input: string | Uint8Array = this.input()): Promise<Ending> {
    return runShim({ ...COMPLETE, CNI_COMMAND: command }, input);
  }
}

/** What the shim said, where it failed as the specification wants it. */
export function errorOf(ending: Ending): { cniVersion: string; code: number; msg: string; details: string } {
  if (ending.code !== 1) throw new Error(`ended with ${ending.code ?? ending.signal}: ${ending.output}`);
  return JSON.parse(ending.output.toString());
}

/** How it ended, briefly, for what shall end well. */
export function wellEnding({ code, output, errors }: Ending): readonly [number | null, string, string] {
  return [code, output.toString(), errors];
}
