import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What makes a process that process: the kernel uses a number again, but not with the same start time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process' (proc_pid_stat(5), field 22). */
  readonly startTime: string;
}

/** The process that has a number now, or undefined when none has it or it has ended (zombies have). */
export function findProcess(pid: number, procRoot: string): ProcessIdentity | undefined {
  let line: string;
  try {
    line = readFileSync(join(procRoot, String(pid), "stat"), "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // the second field is the program's name in parentheses and may hold anything, parentheses too
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const startTime = fields[22 - 3];
  return startTime === undefined || "ZXx".includes(state) ? undefined : { pid, startTime };
}

/** Whether a process still runs. */
export function isRunning(process: ProcessIdentity, procRoot: string): boolean {
  return findProcess(process.pid, procRoot)?.startTime === process.startTime;
}
