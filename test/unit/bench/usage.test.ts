import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";

function runBench(...args: string[]) {
  const program = join(import.meta.dirname, "../../bench/run.ts");
  return spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
}

test("an unknown benchmark is wrong usage, and the known ones are named", () => {
  const { status, stderr } = runBench("attach", "atach");
  assert.equal(status, 2);
  assert.match(stderr, /^no benchmark "atach"; there is attach, .*; expected: npm run bench -- /);
});

test("an unknown option is wrong usage", () => {
  const { status, stderr } = runBench("--rounds", "3");
  assert.equal(status, 2);
  assert.match(stderr, /'--rounds'.*expected: npm run bench -- /);
});

test("a file that cannot be written is said before anything is measured", () => {
  const { status, stdout, stderr } = runBench("--json", "/nowhere/rows.json");
  assert.equal(status, 1);
  assert.match(stderr, /--json \/nowhere\/rows\.json: .*; expected a file in a folder that exists/);
  assert.equal(stdout, "");
});
