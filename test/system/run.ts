// The runner of the system tests: node test/system/run.ts [--name PATTERN] [PATH...]
//
// Fetches container runtimes (runtime/fetch.sh) and runs test/system in a private world, with root, cgroups and /var/lib
// of its own. Exit code: 0 all passed and nothing left, 1 not so, 2 wrong usage, 125 no runtime or no world.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { reportOutcomes } from "../house/report.ts";
import { runSuite } from "../house/suite.ts";
import { findTestFiles } from "../house/test-files.ts";
import { findWorld } from "../house/world.ts";
import { furnishWorld, removeStaleCgroups } from "./world.ts";

const root = join(import.meta.dirname, "../..");
const USAGE =
  "npm run test:system -- [--name PATTERN] [PATH...], for example: npm run test:system -- test/system/bridge.test.ts";
/** Milliseconds for what a test left behind to go: shims end after their sandboxes. */
const PATIENCE = 10_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.inside === true) return await runInside(positionals, values.name);
  const wanted = positionals.map((path) => resolve(path));
  const files = findTestFiles(join(root, "test/system"), wanted);
  if (files.length === 0) {
    console.error(`no test files under ${positionals.join(", ") || "test/system"}; expected: ${USAGE}`);
    return 2;
  }
  const fetched = spawnSync("bash", [join(import.meta.dirname, "runtime/fetch.sh")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (fetched.status !== 0) return 125;
  const world = findWorld([[]]);
  if ("reason" in world) {
    console.error(`system tests cannot run: ${world.reason}; run as root: containers are started`);
    return 125;
  }
  // The run inside may be killed, so its temporary files lie in a folder of ours.
  const temporary = mkdtempSync(join(tmpdir(), "lanyard-"));
  const [program, ...args] = world.command;
  const inside = [process.execPath, import.meta.filename, "--inside", ...files];
  if (values.name !== undefined) inside.push(`--name=${values.name}`);
  try {
    const child = spawn(program, [...args, ...inside], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, TMPDIR: temporary, LANYARD_RUNTIMES: fetched.stdout.trim() },
    });
    // unshare waits with its signals blocked; killed, it takes the whole world with it.
    stop.signal.addEventListener("abort", () => child.kill("SIGKILL"));
    const [code] = await once(child, "exit");
    return stop.signal.aborted ? 130 : ((code as number | null) ?? 125);
  } finally {
    removeStaleCgroups();
    rmSync(temporary, { recursive: true, force: true });
  }
}

function readArguments() {
  try {
    const options = { name: { type: "string" }, inside: { type: "boolean" } } as const;
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(`${(error as Error).message}; expected: ${USAGE}`);
    process.exit(2);
  }
}

/** The files share the node's links: they run one after the other. */
async function runInside(files: readonly string[], namePattern: string | undefined): Promise<number> {
  furnishWorld();
  const { signal } = stop;
  const suite = { root, files, namePattern, isPrivate: true, filesAtOnce: 1, patience: PATIENCE, signal };
  return reportOutcomes([await runSuite(suite)]) ? 0 : 1;
}
