// The lab's runner: node test/lab/run.ts [--name PATTERN] [--capture] [PATH...]
//
// Boots a virtual machine with a stock Debian kernel and emulated SR-IOV cards (lab.sh), and runs test/lab in it on
// this Node. Exit code: 0 all passed and nothing left, 1 not so, 2 wrong usage, 125 no machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { reportOutcomes } from "../house/report.ts";
import { runSuite } from "../house/suite.ts";
import { findTestFiles } from "../house/test-files.ts";

const root = join(import.meta.dirname, "../..");
const USAGE =
  "npm run test:lab -- [--name PATTERN] [--capture] [PATH...], for example: npm run test:lab -- test/lab/vfs.test.ts";

/** Seconds for the whole suite; a guest that stands still ends then. */
const LONGEST = 1500;
/** Milliseconds for what a test left behind to go: the guest's processor is emulated. */
const PATIENCE = 20_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.inside === true) return await runInside(positionals, values.name);
  const wanted = positionals.map((path) => resolve(path));
  const files = findTestFiles(join(root, "test/lab"), wanted);
  if (files.length === 0) {
    console.error(`no test files under ${positionals.join(", ") || "test/lab"}; expected: ${USAGE}`);
    return 2;
  }
  // Built apart from the run, so that its time is not the guest's.
  const built = await runLab("build");
  if (built !== 0) return built;
  const inside = [process.execPath, import.meta.filename, "--inside", ...files];
  if (values.name !== undefined) inside.push(`--name=${values.name}`);
  const environment = ["-e", "NODE_COMPILE_CACHE=/tmp/compile-cache"];
  if (values.capture === true) environment.push("-e", "LANYARD_CAPTURE=1");
  return await runLab("run", "-C", root, "-t", String(LONGEST), ...environment, "--", ...inside);
}

function readArguments() {
  try {
    const options = {
      name: { type: "string" },
      capture: { type: "boolean" },
      inside: { type: "boolean" },
    } as const;
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(`${(error as Error).message}; expected: ${USAGE}`);
    process.exit(2);
  }
}

/** Runs lab.sh in a process group of its own, which ends as a whole when this process is told to end. */
async function runLab(...words: readonly string[]): Promise<number> {
  const child = spawn("bash", [join(import.meta.dirname, "lab.sh"), ...words], {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const ended = once(child, "exit");
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  if (stop.signal.aborted) end();
  stop.signal.addEventListener("abort", end);
  const [code] = await ended;
  stop.signal.removeEventListener("abort", end);
  return stop.signal.aborted ? 130 : ((code as number | null) ?? 125);
}

/** The files share the guest, its cards and its one processor: they run one after the other. */
async function runInside(files: readonly string[], namePattern: string | undefined): Promise<number> {
  const { signal } = stop;
  const outcome = await runSuite({ root, files, namePattern, isPrivate: true, patience: PATIENCE, signal });
  return reportOutcomes([outcome]) ? 0 : 1;
}
