// The bench: node test/bench/run.ts [--json FILE] [NAME...]
//
// Measures in a private world, so that neither the machine's network is touched nor its own traffic measured.
// Exit code: 0 everything asked for ran, 1 not so, 2 wrong usage. Whether bars hold is in the rows only.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { allowsColour } from "../../src/cli/output.ts";
import { findWorld } from "../house/world.ts";
import { benchmarks } from "./benchmarks.ts";
import { measure, type Outcome } from "./measure.ts";
import { formatRows } from "./report.ts";

const USAGE =
  "npm run bench -- [--json FILE] [NAME...], for example: npm run bench -- --json rows.json attach";
/** /tmp may be memory; /var/tmp is on disk (file-hierarchy(7)), as the agent's state is. */
const DISK = "/var/tmp";
/** The descriptor on which the run inside the private world hands its outcome to the one outside. */
const OUTCOME_DESCRIPTOR = 3;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, names } = readArguments();
  if (values.inside !== undefined) {
    const chosen = names.map((name) => benchmarks[name] as (typeof benchmarks)[string]);
    const outcome = await measure(chosen, values.inside, (line) => console.log(line));
    writeFileSync(OUTCOME_DESCRIPTOR, JSON.stringify(outcome));
    return 0;
  }
  const world = findWorld();
  if ("reason" in world) {
    console.error(
      `nothing can be measured: ${world.reason}; run as root, or let users make namespaces: ` +
        "sysctl -w user.max_user_namespaces=10000",
    );
    return 1;
  }
  if (values.json !== undefined && !prepareFile(values.json)) return 1;
  const folder = mkdtempSync(join(DISK, "lanyard-bench-"));
  try {
    const { rows, isComplete } = await measureInWorld(world.command, names, folder);
    if (stop.signal.aborted) return 130;
    if (rows.length > 0) console.log(`\n${formatRows(rows, { colour: allowsColour(process.stdout) })}`);
    if (values.json !== undefined) {
      writeFileSync(values.json, `${JSON.stringify(rows, undefined, 2)}\n`);
    }
    return isComplete ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readArguments() {
  const refuse = (message: string): never => {
    console.error(`${message}; expected: ${USAGE}`);
    process.exit(2);
  };
  const options = { json: { type: "string" }, inside: { type: "string" } } as const;
  let given: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    given = parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return refuse((error as Error).message);
  }
  const known = Object.keys(benchmarks);
  const unknown = given.positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(`no benchmark "${unknown}"; there is ${known.join(", ")}`);
  return {
    values: given.values,
    names: given.positionals.length > 0 ? [...new Set(given.positionals)] : known,
  };
}

/** Finds out before the measuring whether its outcome can be written. */
function prepareFile(file: string): boolean {
  try {
    writeFileSync(file, "[]\n");
    return true;
  } catch (error) {
    console.error(`--json ${file}: ${(error as Error).message}; expected a file in a folder that exists`);
    return false;
  }
}

/** Runs this file in a private world. Without an answer nothing was measured. */
async function measureInWorld(
  [program, ...args]: readonly [string, ...string[]],
  names: readonly string[],
  folder: string,
): Promise<Outcome> {
  const inside = [process.execPath, import.meta.filename, "--inside", folder, ...names];
  const child = spawn(program, [...args, ...inside], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  // unshare waits with its signals blocked; killed, it takes the whole world with it.
  stop.signal.addEventListener("abort", () => child.kill("SIGKILL"));
  const ended = new Promise<void>((done, reject) => {
    child.once("error", reject);
    child.once("close", () => done());
  });
  const answer = await text(child.stdio[OUTCOME_DESCRIPTOR] as Readable);
  await ended;
  return answer === "" ? { rows: [], isComplete: false } : JSON.parse(answer);
}
