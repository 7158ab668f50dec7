import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findProcess, isRunning } from "../../../src/standalone/process.ts";

// proc_pid_stat(5): number, (name), state, 18 fields that matter to nobody here, start time, more fields
const stat = (name: string, state: string, startTime: number) =>
  `7 (${name}) ${state} ${Array(18).fill(1).join(" ")} ${startTime} 9 9 9\n`;

test("a process is known by its number and its start time", (context) => {
  const root = mkdtempSync(join(tmpdir(), "lanyard-proc-"));
  context.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "7"));
  const write = (text: string) => writeFileSync(join(root, "7", "stat"), text);

  write(stat("pause", "S", 4711));
  assert.deepEqual(findProcess(7, root), { pid: 7, startTime: "4711" });
  assert.ok(isRunning({ pid: 7, startTime: "4711" }, root));

  write(stat("pause", "S", 4712));
  assert.ok(!isRunning({ pid: 7, startTime: "4711" }, root), "another process has the number now");

  write(stat(") R (x y) Z", "S", 4711));
  assert.ok(isRunning({ pid: 7, startTime: "4711" }, root), "a name may hold anything");

  write(stat("pause", "Z", 4711));
  assert.equal(findProcess(7, root), undefined, "a zombie has ended");
  assert.equal(findProcess(8, root), undefined);
});

test("the process that runs this test is found in the real /proc", () => {
  assert.match(findProcess(process.pid, "/proc")?.startTime ?? "", /^\d+$/);
});
