// The test runner: node test/run.ts [--name PATTERN] [--patience MS] [PATH...]
//
// Runs test/unit here and test/kernel in a private world, then says what was skipped and why and what was left
// behind. Exit code: 0 all passed and nothing left, 1 not so, 2 wrong usage.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { reportOutcomes } from "./house/report.ts";
import { countTests } from "./house/sources.ts";
import { type Outcome, runSuite } from "./house/suite.ts";
import { findTestFiles } from "./house/test-files.ts";
import { findWorld } from "./house/world.ts";

const root = join(import.meta.dirname, "..");
const USAGE =
  "npm test -- [--name PATTERN] [--patience MS] [PATH...], for example: npm test -- test/unit/model";
/** The descriptor on which the run inside the private world hands its outcome to the one outside. */
const OUTCOME_DESCRIPTOR = 3;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  const suite = { root, namePattern: values.name, patience: Number(values.patience), signal: stop.signal };
  if (values.inside) {
    const outcome = await runSuite({ ...suite, files: positionals, isPrivate: true });
    writeFileSync(OUTCOME_DESCRIPTOR, JSON.stringify(outcome));
    return 0;
  }
  const wanted = positionals.map((path) => resolve(path));
  const unit = findTestFiles(join(root, "test/unit"), wanted);
  const kernel = findTestFiles(join(root, "test/kernel"), wanted);
  if (unit.length + kernel.length === 0) {
    console.error(`no test files under ${positionals.join(", ") || "test/"}; expected: ${USAGE}`);
    return 2;
  }
  const outcomes: Outcome[] = [];
  // The run inside the private world may be killed, so its temporary files lie in a folder of ours.
  const temporary = mkdtempSync(join(tmpdir(), "lanyard-"));
  process.env.TMPDIR = temporary;
  try {
    if (unit.length > 0) outcomes.push(await runSuite({ ...suite, files: unit, isPrivate: false }));
    if (kernel.length > 0 && !stop.signal.aborted) {
      const options = [`--patience=${values.patience}`];
      if (values.name !== undefined) options.push(`--name=${values.name}`);
      outcomes.push(await runKernelTests(kernel, options));
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return report(outcomes);
}

function readArguments() {
  try {
    const options = {
      name: { type: "string" },
      patience: { type: "string", default: "3000" },
      inside: { type: "boolean" },
    } as const;
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(`${(error as Error).message}; expected: ${USAGE}`);
    process.exit(2);
  }
}

/** @param options for the runner inside */
async function runKernelTests(files: readonly string[], options: readonly string[]): Promise<Outcome> {
  const world = findWorld();
  if ("reason" in world) {
    const counts = files.map((file) => ({
      file,
      count: Math.max(1, countTests(readFileSync(file, "utf8"))),
    }));
    console.log(
      `kernel tests cannot run: ${world.reason}; run as root, or let users make namespaces: ` +
        "sysctl -w user.max_user_namespaces=10000",
    );
    return {
      passed: 0,
      failed: 0,
      skipped: counts.reduce((sum, { count }) => sum + count, 0),
      skips: counts.map(({ file, count }) => `${relative(root, file)}: ${count} tests: ${world.reason}`),
      leftovers: [],
    };
  }
  const [program, ...args] = world.command;
  const inside = [process.execPath, import.meta.filename, "--inside", ...options, ...files];
  const child = spawn(program, [...args, ...inside], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  // unshare waits with its signals blocked; killed, it takes the whole world with it.
  stop.signal.addEventListener("abort", () => child.kill("SIGKILL"));
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const answer = await text(child.stdio[OUTCOME_DESCRIPTOR] as Readable);
  const ending = await ended;
  if (answer === "") {
    const leftovers = [`not known, because the run of the kernel tests ended with ${ending}`];
    return { passed: 0, failed: 1, skipped: 0, skips: [], leftovers };
  }
  return JSON.parse(answer) as Outcome;
}

function report(outcomes: readonly Outcome[]): number {
  const isWell = reportOutcomes(outcomes);
  if (stop.signal.aborted) return 130;
  return isWell ? 0 : 1;
}
