import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { findWorld } from "../../house/world.ts";

const house = join(import.meta.dirname, "../..");
const world = findWorld();
const needsWorld = "reason" in world ? `no private world: ${world.reason}` : false;

/** A process that has ended but is not yet collected has no command line. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

/** Runs the test runner on a house of its own that holds these tests. */
function runTests(t: TestContext, files: Record<string, string>, ...args: string[]) {
  const root = mkdtempSync(join(tmpdir(), "runner-"));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  cpSync(join(house, "run.ts"), join(root, "test/run.ts"));
  cpSync(join(house, "house"), join(root, "test/house"), { recursive: true });
  for (const file of ["src/linux/private-world.ts"]) cpSync(join(house, "..", file), join(root, file));
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `import test from "node:test";\n${source}`);
  }
  // Without this variable a runner inside a test runs nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const result = spawnSync(process.execPath, ["test/run.ts", "--patience", "200", ...args], {
    cwd: root,
    env,
    encoding: "utf8",
  });
  return { status: result.status, text: result.stdout + result.stderr };
}

test("tests that pass end with the count and exit code 0", (t) => {
  const { status, text } = runTests(t, {
    "test/unit/a.test.ts": 'test("one", () => {}); test("two", () => {});',
  });
  assert.match(text, /^ℹ pass 2$/m);
  assert.match(text, /\n2 passed, 0 failed, 0 skipped\n$/);
  assert.equal(status, 0);
});

test("a failing test gives exit code 1", (t) => {
  const { status, text } = runTests(t, {
    "test/unit/a.test.ts": 'test("one", () => { throw new Error("planted"); });',
  });
  assert.match(text, /planted/);
  assert.match(text, /\n0 passed, 1 failed, 0 skipped\n$/);
  assert.equal(status, 1);
});

test("a file that cannot be loaded is a failure", (t) => {
  const { status, text } = runTests(t, { "test/unit/a.test.ts": 'import "./missing.ts";' });
  assert.match(text, /\n0 passed, 1 failed, 0 skipped\n$/);
  assert.equal(status, 1);
});

test("a skipped test is listed with its reason", (t) => {
  const source = 'test("one", { skip: "needs a VF" }, () => {}); test("two", (t) => t.skip("later"));';
  const { status, text } = runTests(t, { "test/unit/a.test.ts": source });
  assert.match(text, /test\/unit\/a\.test\.ts: one: needs a VF\n {2}test\/unit\/a\.test\.ts: two: later\n/);
  assert.match(text, /\n0 passed, 0 failed, 2 skipped\n$/);
  assert.equal(status, 0);
});

test("a path runs only the tests under it", (t) => {
  const files = {
    "test/unit/a/a.test.ts": 'test("one", () => {});',
    "test/unit/ab/b.test.ts": 'test("two", () => {});',
  };
  assert.match(runTests(t, files, "test/unit/a").text, /\n1 passed, 0 failed, 0 skipped\n$/);
});

test("a path without tests is wrong usage", (t) => {
  const { status, text } = runTests(t, {}, "test/unit/none");
  assert.match(text, /^no test files under test\/unit\/none; expected: npm test/);
  assert.equal(status, 2);
});

test("a file that a test leaves behind fails the run", (t) => {
  const source =
    'import fs from "node:fs"; import os from "node:os";\n' +
    'test("one", () => fs.writeFileSync(os.tmpdir() + "/planted", ""));';
  const { status, text } = runTests(t, { "test/unit/a.test.ts": source });
  assert.match(text, /Left behind:\n {2}file .*\/planted\n/);
  assert.equal(status, 1);
});

test("a process that a test leaves behind fails the run and is ended", { timeout: 20_000 }, async (t) => {
  const source =
    'import { spawn } from "node:child_process";\n' +
    'test("one", () => { spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).unref(); });';
  const { status, text } = runTests(t, { "test/unit/a.test.ts": source });
  const pid = Number(/Left behind:\n {2}process (\d+) \(sleep 60\)\n/.exec(text)?.[1]);
  assert.equal(status, 1, text);
  while (isRunning(pid)) await delay(10);
});

test("kernel tests see a network, processes and a /run of their own", { skip: needsWorld }, (t) => {
  const source =
    'import assert from "node:assert/strict"; import { existsSync, readdirSync, readFileSync } from "node:fs";\n' +
    'test("one", () => {\n' +
    '  assert.deepEqual(readdirSync("/run"), ["netns"]);\n' +
    '  assert.ok(existsSync("/sys/class/net/lo"));\n' +
    '  const links = readFileSync("/proc/net/dev", "utf8").split("\\n").slice(2, -1).map((l) => l.split(":")[0].trim());\n' +
    '  assert.deepEqual(readdirSync("/sys/class/net").sort(), links.sort());\n' +
    "  assert.ok(process.pid < 100 && process.getuid() === 0);\n" +
    "});";
  const { status, text } = runTests(t, { "test/kernel/a.test.ts": source });
  assert.match(text, /\n1 passed, 0 failed, 0 skipped\n$/);
  assert.equal(status, 0);
});

test("what kernel tests leave behind is found in their world", { skip: needsWorld }, (t) => {
  const source =
    'import { execFileSync, spawn } from "node:child_process"; import { writeFileSync } from "node:fs";\n' +
    'test("one", () => {\n' +
    '  writeFileSync("/run/netns/planted", "");\n' +
    '  execFileSync("sh", ["-c", "env -i sleep 60 >/dev/null 2>&1 &"]);\n' +
    "});";
  const { status, text } = runTests(t, { "test/kernel/a.test.ts": source });
  assert.match(text, /network namespace \/run\/netns\/planted/);
  assert.match(text, /process \d+ \(sleep 60\)/);
  assert.equal(status, 1);
});

test("a world that nothing allows is refused with the kernel's reason", () => {
  const refused = findWorld([["--no-such-namespace"]]);
  assert.match("reason" in refused ? refused.reason : "", /no-such-namespace/);
});
