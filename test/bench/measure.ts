import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../../src/model/errors.ts";
import type { Benchmark, Row } from "./benchmark.ts";

/** What running benchmarks came to. Plain data: it crosses from a private world as JSON. */
export interface Outcome {
  readonly rows: readonly Row[];
  /** Whether everything asked for was measured. */
  readonly isComplete: boolean;
}

/**
 * Runs benchmarks one after the other, each in a folder of its own under `folder`. One that fails has no rows,
 * says why through `say`, and does not keep the others from running.
 */
export async function measure(
  benchmarks: readonly (() => Promise<Benchmark>)[],
  folder: string,
  say: (line: string) => void,
): Promise<Outcome> {
  const rows: Row[] = [];
  let isComplete = true;
  for (const load of benchmarks) {
    const benchmark = await load();
    say(`${benchmark.name}: ${benchmark.description}`);
    const own = join(folder, benchmark.name);
    mkdirSync(own);
    try {
      rows.push(...(await benchmark.run({ folder: own })));
    } catch (error) {
      isComplete = false;
      say(`${benchmark.name}: not measured: ${errorText(error)}`);
    }
  }
  return { rows, isComplete };
}
