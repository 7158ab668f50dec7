// The fuzz target: node test/fuzz/run.ts [--seconds N] [--inputs N] [--seed N] [--first N]
//
// Feeds damaged messages to every decoder of src/linux, from as many threads as there are cores. Exit code: 0 nothing
// threw, everything returned and every decoder was reached; 1 not so; 2 wrong usage; 130 stopped before the end.
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import { findReach, formatFailure, formatOutcome, formatUnreached } from "./report.ts";

const USAGE =
  "npm run fuzz -- [--seconds N] [--inputs N] [--seed N] [--first N], for example: npm run fuzz -- --seconds 60";
/** How long it runs when neither time nor number is given, in seconds. */
const USUAL_TIME = 60;
const LARGEST_SEED = 0xffff_ffff;
/** With fewer inputs a decoder may be missed by chance. */
const ENOUGH_INPUTS = 100_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { seconds, inputs, seed, first } = readArguments();
  const last = Number.isFinite(inputs) ? ` to ${first + inputs - 1}` : "";
  console.log(`seed ${seed}, inputs ${first}${last}`);
  const end = new AbortController();
  const timer = Number.isFinite(seconds) ? setTimeout(() => end.abort(), seconds * 1000) : undefined;
  const targets = new URL("./targets.ts", import.meta.url).href;
  const signal = AbortSignal.any([end.signal, stop.signal]);
  const outcome = await runCampaign({ targets, seed, first, inputs, signal });
  clearTimeout(timer);
  const reach = findReach(outcome.calls);
  if (outcome.failures.length > 0) {
    for (const failure of outcome.failures) console.log(formatFailure(failure, seed));
    return 1;
  }
  console.log(formatOutcome(outcome, reach));
  if (stop.signal.aborted) return 130;
  if (inputs < ENOUGH_INPUTS) {
    console.log(
      `fewer than ${ENOUGH_INPUTS} inputs were asked for, so that not every decoder has to be reached`,
    );
    return 0;
  }
  const unreached = formatUnreached(reach);
  for (const line of unreached) console.log(line);
  return unreached.length === 0 ? 0 : 1;
}

function readArguments() {
  const options = {
    seconds: { type: "string" },
    inputs: { type: "string" },
    seed: { type: "string" },
    first: { type: "string" },
  } as const;
  const refuse = (message: string): never => {
    console.error(`${message}; expected: ${USAGE}`);
    process.exit(2);
  };
  let values: { [Name in keyof typeof options]?: string | undefined };
  try {
    values = parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
  const read = (name: keyof typeof options, least: number, most: number): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return number >= least && number <= most
      ? number
      : refuse(`--${name} ${text}: expected a whole number from ${least} to ${most}`);
  };
  const inputs = read("inputs", 1, 1e12);
  const seconds = read("seconds", 1, 1e6) ?? (inputs === undefined ? USUAL_TIME : Number.POSITIVE_INFINITY);
  return {
    seconds,
    inputs: inputs ?? Number.POSITIVE_INFINITY,
    seed: read("seed", 0, LARGEST_SEED) ?? Math.floor(Math.random() * (LARGEST_SEED + 1)),
    first: read("first", 0, 1e12) ?? 0,
  };
}
