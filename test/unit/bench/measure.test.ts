import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { type Benchmark, MissingProgramError } from "../../bench/benchmark.ts";
import { benchmarks } from "../../bench/benchmarks.ts";
import { measure } from "../../bench/measure.ts";
import { makeRow } from "../../bench/report.ts";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const load = (name: string, run: Benchmark["run"]) => async () => ({ name, description: `of ${name}`, run });
const row = makeRow({ benchmark: "fine", measure: "time", unit: "ms", ours: 1 });

test("a benchmark whose program is missing has no rows, says what installs it, and lets the next one run", async (t) => {
  const said: string[] = [];
  const missing = load("lost", async () => {
    throw new MissingProgramError("/usr/lib/thing", "things");
  });
  const fine = load("fine", async () => [row]);
  const outcome = await measure([missing, fine], makeFolder(t), (line) => said.push(line));
  assert.deepEqual(outcome, { rows: [row], isComplete: false });
  assert.deepEqual(said, [
    "lost: of lost",
    "lost: not measured: /usr/lib/thing is not there; install with: apt-get install -y things",
    "fine: of fine",
  ]);
});

test("each benchmark has an empty folder of its own", async (t) => {
  const folder = makeFolder(t);
  const seen: string[] = [];
  const look: Benchmark["run"] = async (context) => {
    assert.ok(statSync(context.folder).isDirectory());
    seen.push(context.folder);
    return [];
  };
  const outcome = await measure([load("one", look), load("two", look)], folder, () => {});
  assert.deepEqual(outcome, { rows: [], isComplete: true });
  assert.deepEqual(seen, [join(folder, "one"), join(folder, "two")]);
  assert.ok(existsSync(join(folder, "one")));
});

test("every benchmark in the table carries the name it is called by", async () => {
  for (const [name, load] of Object.entries(benchmarks)) assert.equal((await load()).name, name);
});
