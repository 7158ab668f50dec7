import type { Failure, Outcome } from "./campaign.ts";
import { type DecoderName, findDecoders, isDecoder, keyOf } from "./decoders.ts";

/** Every decoder and how often it was called. */
export interface Reach {
  readonly decoder: DecoderName;
  readonly calls: number;
}

/**
 * The calls of every decoder: of the exported, which are found in the sources whether the run has loaded them or not,
 * and of those that kinds keep to themselves.
 */
export function findReach(calls: ReadonlyMap<string, number>, exported = findDecoders()): Reach[] {
  const keys = new Set(exported.map(keyOf));
  for (const key of calls.keys()) if (isDecoder(nameOf(key))) keys.add(key);
  return [...keys].sort().map((key) => ({
    decoder: { file: key.slice(0, key.indexOf(" ")), name: nameOf(key) },
    calls: calls.get(key) ?? 0,
  }));
}

function nameOf(key: string): string {
  return key.slice(key.indexOf(" ") + 1);
}

/** Lines for people: what was fed, how often each decoder was called, and how fast it went. */
export function formatOutcome({ inputs, time, fed }: Outcome, reach: readonly Reach[]): string {
  const reached = reach.filter(({ calls }) => calls > 0).length;
  const perSecond = Math.round(inputs / (time / 1000));
  return [
    "Inputs for each target:",
    ...[...fed].map(([name, count]) => row(count, name)),
    "Calls of each decoder:",
    ...reach.map(({ decoder, calls }) => row(calls, `${decoder.name} (${decoder.file})`)),
    `${inputs} inputs in ${(time / 1000).toFixed(1)} s, ${perSecond} per second; ${reached} of ${reach.length} decoders reached`,
  ].join("\n");
}

function row(count: number, name: string): string {
  return `  ${String(count).padStart(12)}  ${name}`;
}

/** Lines for people: what went wrong, the input in hexadecimal, and how to make it again. */
export function formatFailure({ decoder, input, bytes, reason, shrunk }: Failure, seed: number): string {
  const hex = (what: Uint8Array) => Buffer.from(what).toString("hex");
  return [
    `FAILED: ${decoder}, input ${input} of seed ${seed}: ${reason}`,
    `  its ${bytes.length} bytes: ${hex(bytes)}`,
    ...(shrunk === undefined ? [] : [`  ${shrunk.length} bytes are enough: ${hex(shrunk)}`]),
    `  again, with the same sources: npm run fuzz -- --seed ${seed} --first ${input} --inputs 1`,
  ].join("\n");
}

/** Lines for people about decoders that no input came to. */
export function formatUnreached(reach: readonly Reach[]): string[] {
  return reach
    .filter(({ calls }) => calls === 0)
    .map(
      ({ decoder }) =>
        `NOT REACHED: ${decoder.name} (${decoder.file}); give it a line in test/fuzz/targets.ts, or seeds that lead to it`,
    );
}
