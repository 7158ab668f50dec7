import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { findLeftovers, takeTraces } from "./leftovers.ts";

/** How a run of test files went. Plain data: it crosses from a private world as JSON. */
export interface Outcome {
  passed: number;
  /** Failed and cancelled tests. */
  failed: number;
  skipped: number;
  /** One line for each skipped test: file, name, reason. */
  skips: string[];
  /** One line for each thing that was not there before. */
  leftovers: string[];
}

export interface SuiteOptions {
  root: string;
  /** Absolute paths. */
  files: readonly string[];
  /** Only tests whose names match. */
  namePattern: string | undefined;
  /** Whether this is a private world, where every process is the tests' own. */
  isPrivate: boolean;
  /** How many files run at one time; as many as there are cores when undefined. */
  filesAtOnce?: number;
  /** How long something left behind may take to go, in milliseconds. */
  patience: number;
  signal: AbortSignal;
}

const MARKER = "LANYARD_TEST_RUN";

/**
 * Runs test files, each in a process of its own, and prints them as node's spec reporter does. What they leave behind (see {@link takeTraces}) is found, said in the outcome, and removed where it can be.
 */
export async function runSuite(options: SuiteOptions): Promise<Outcome> {
  const { root, files, namePattern, isPrivate, filesAtOnce, patience, signal } = options;
  const temporary = mkdtempSync(join(tmpdir(), "s-"));
  const mark = randomUUID();
  const places = { temporary, marker: `${MARKER}=${mark}`, isPrivate };
  try {
    const before = takeTraces(places);
    const outcome: Outcome = { passed: 0, failed: 0, skipped: 0, skips: [], leftovers: [] };
    const tests = run({
      files,
      cwd: root,
      concurrency: filesAtOnce ?? availableParallelism(),
      signal,
      env: { ...process.env, TMPDIR: temporary, [MARKER]: mark },
      ...(namePattern === undefined ? {} : { testNamePatterns: [namePattern] }),
    });
    tests.on("test:pass", ({ file, name, skip, todo }) => {
      const reason = skip ?? todo;
      if (reason === undefined || reason === false) return;
      const why = typeof reason === "string" ? reason : "no reason given";
      outcome.skips.push(`${relative(root, file ?? "")}: ${name}: ${why}`);
    });
    tests.on("test:summary", ({ file, counts }) => {
      if (file !== undefined) return;
      outcome.passed = counts.passed;
      outcome.failed = counts.tests - counts.passed - counts.skipped - counts.todo;
      outcome.skipped = counts.skipped + counts.todo;
    });
    for await (const text of tests.compose(spec)) process.stdout.write(text);
    outcome.leftovers = await findLeftovers(before, places, patience);
    endProcesses(outcome.leftovers);
    return outcome;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Ends what the tests started and did not end; the run has failed by then. */
function endProcesses(leftovers: readonly string[]): void {
  for (const leftover of leftovers) {
    const pid = /^process (\d+) /.exec(leftover)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
