import { type ChildProcess, spawn } from "node:child_process";
import { errorText, LanyardError } from "../model/errors.ts";
import { findProcess, type ProcessIdentity } from "./process.ts";

/** How long the program may take until it is ready, in milliseconds. */
const STARTING = 10_000;

/** A pause process that is ready and waits to be confirmed: until then it ends when this process does. */
export interface StartedPause extends ProcessIdentity {
  /** Lets it go on by itself, also when this process ends. */
  confirm(): void;
  /** Ends it; resolves when it is gone. */
  kill(): Promise<void>;
  /** Calls back when it ends, for whatever reason. */
  onExit(listener: () => void): void;
}

/**
 * Starts native/pause.c; resolves when its namespace is there. `title` is shown in the process list. No
 * process is left when it fails.
 * @throws LanyardError with what the program said
 */
export async function startPause(program: string, title: string, procRoot: string): Promise<StartedPause> {
  // its own session, so that no signal for the agent's terminal reaches it
  const child = spawn(program, ["--confirm", title], { cwd: "/", env: {}, detached: true, stdio: "pipe" });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => child.pid === undefined && resolve());
  });
  const kill = async () => {
    child.kill("SIGKILL");
    await gone;
  };
  try {
    await waitUntilReady(child, program);
    const found = child.pid === undefined ? undefined : findProcess(child.pid, procRoot);
    if (found === undefined)
      throw new LanyardError("unavailable", `${program} ended as soon as it was ready`);
    // an ended reader is no reason for an agent to fall
    child.stdin.on("error", () => {});
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
    return {
      ...found,
      confirm: () => child.stdin.end("\n"),
      kill,
      onExit: (listener) => void gone.then(listener),
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

function waitUntilReady(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    let complaint = "";
    const refuse = (message: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new LanyardError("unavailable", message, { cause }));
    };
    const timer = setTimeout(() => refuse(`${program} is not ready after ${STARTING / 1000} s`), STARTING);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (!said.startsWith("ready\n")) return;
      clearTimeout(timer);
      resolve();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.once("error", (error) => {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const hint = isMissing
        ? `; any npm script of the checkout builds it, such as npm run lanyard -- version`
        : "";
      refuse(`cannot start ${program}: ${errorText(error)}${hint}`, error);
    });
    child.once("close", (code, signal) => {
      const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
      refuse(`${program} ended before it was ready, ${end}: ${complaint.trim() || "it said nothing"}`);
    });
  });
}
