import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { Sandboxes } from "../../../src/standalone/sandbox.ts";
import { writeRegistry } from "../../../src/standalone/sandbox-registry.ts";

const log = pino({ level: "silent" });
const pod = { namespace: "default", name: "alpha", uid: "u-1" };
const other = { namespace: "default", name: "beta", uid: "u-2" };

/** Stands in for native/pause.c, which needs root: a shell script with the same manners. */
const READY = "echo $$ >> $0.pids; echo ready; read byte || exit 0; exec sleep 600";

/** A state folder and a stand-in program; every process the program left is ended after the test. */
function setUp(context: TestContext, script = READY) {
  const root = mkdtempSync(join(tmpdir(), "lanyard-sandbox-"));
  const pauseProgram = join(root, "pause");
  writeFileSync(pauseProgram, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const options = { stateDirectory: join(root, "state"), pauseProgram, log };
  const started = () => {
    try {
      return readFileSync(`${pauseProgram}.pids`, "utf8").trim().split("\n").map(Number);
    } catch {
      return [];
    }
  };
  context.after(async () => {
    const sandboxes = new Sandboxes(options);
    for (const sandbox of sandboxes.list()) await sandboxes.stop(sandbox.pod);
    const left = started().filter(isAlive);
    for (const pid of left) process.kill(pid, "SIGKILL");
    rmSync(root, { recursive: true });
    assert.deepEqual(left, [], "a process was left behind");
  });
  return { root, options, started };
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

test("a sandbox is started once, found, listed and stopped", async (context) => {
  const { options, started } = setUp(context);
  const sandboxes = new Sandboxes(options);
  assert.equal(sandboxes.find(pod), undefined);
  const [first, second] = await Promise.all([sandboxes.start(pod), sandboxes.start(pod)]);
  assert.deepEqual(first, second);
  assert.deepEqual(first, { pod, pid: first.pid, namespacePath: `/proc/${first.pid}/ns/net` });
  assert.deepEqual(await sandboxes.start(pod), first);
  const beta = await sandboxes.start(other);
  assert.deepEqual(sandboxes.list(), [first, beta]);
  assert.deepEqual(started().length, 2);

  await sandboxes.stop(pod);
  await sandboxes.stop(pod);
  assert.ok(!isAlive(first.pid));
  assert.deepEqual(sandboxes.list(), [beta]);
});

test("another agent adopts what an earlier one started", async (context) => {
  const { options } = setUp(context);
  const sandbox = await new Sandboxes(options).start(pod);
  const later = new Sandboxes(options);
  assert.deepEqual(later.list(), [sandbox]);
  assert.deepEqual(await later.start(pod), sandbox);
  await later.stop(pod);
  assert.ok(!isAlive(sandbox.pid));
});

test("a process that got the number of a sandbox is never taken for it", async (context) => {
  const { options } = setUp(context);
  const stranger = spawn("sleep", ["600"], { stdio: "ignore" });
  context.after(async () => {
    stranger.kill("SIGKILL");
    await once(stranger, "exit");
  });
  await new Sandboxes(options).start(pod);
  const path = join(options.stateDirectory, "sandboxes.json");
  const written = readFileSync(path, "utf8");
  const forge = (from: string | RegExp, to: string) => writeFileSync(path, written.replace(from, to));

  // as if the sandbox had ended and its number had gone round to the stranger
  forge(/"pid": \d+,\s+"startTime": "\d+"/, `"pid": ${stranger.pid}, "startTime": "1"`);
  const later = new Sandboxes(options);
  assert.equal(later.find(pod), undefined);
  await later.stop(pod);
  assert.ok(isAlive(stranger.pid ?? 0), "the stranger lives");

  forge('"bootId": "', '"bootId": "before ');
  assert.deepEqual(new Sandboxes(options).list(), [], "numbers of another run of the machine mean nothing");
  writeFileSync(path, written);
});

test("a pod whose sandbox ended by itself is told and gets a new one", async (context) => {
  const { options } = setUp(context);
  const sandboxes = new Sandboxes(options);
  const sandbox = await sandboxes.start(pod);
  const told = new Promise((resolve) => sandboxes.onExit(resolve));
  process.kill(sandbox.pid, "SIGKILL");
  assert.deepEqual(await told, pod);
  assert.equal(sandboxes.find(pod), undefined);
  assert.notEqual((await sandboxes.start(pod)).pid, sandbox.pid);
});

test("a sandbox that was stopped is not told as ended by itself", async (context) => {
  const { options } = setUp(context);
  const sandboxes = new Sandboxes(options);
  const told: unknown[] = [];
  sandboxes.onExit((each) => told.push(each));
  await sandboxes.start(pod);
  await sandboxes.start(other);
  await sandboxes.stop(pod);
  const exit = new Promise((resolve) => sandboxes.onExit(resolve));
  process.kill(sandboxes.find(other)?.pid ?? 0, "SIGKILL");
  await exit;
  assert.deepEqual(told, [other]);
});

test("an agent killed before it has written a sandbox down leaves no process", async (context) => {
  const { root, started } = setUp(context);
  // what the agent does before it confirms, in a process of its own, which then ends without a word
  const script = `
    import { startPause } from ${JSON.stringify(new URL("../../../src/standalone/pause.ts", import.meta.url).href)};
    await startPause(${JSON.stringify(join(root, "pause"))}, "default/alpha", "/proc");
    process.kill(process.pid, "SIGKILL");
  `;
  const agent = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
  await once(agent, "exit");
  const [pid] = started();
  assert.ok(pid !== undefined);
  // the program ends when it reads the end of its input: there is no event to wait for, so look until it has
  const deadline = Date.now() + 5_000;
  while (isAlive(pid) && Date.now() < deadline) await new Promise(setImmediate);
  assert.ok(!isAlive(pid));
});

const failures: [string, string, RegExp][] = [
  ["complains", "echo no luck >&2; exit 1", /ended before it was ready, exit code 1: no luck$/],
  ["says nothing", "exit 0", /exit code 0: it said nothing$/],
  ["is killed", "kill -KILL $$", /signal SIGKILL/],
];

for (const [name, script, message] of failures) {
  test(`a program that ${name} gives an error and no sandbox`, async (context) => {
    const { options } = setUp(context, script);
    const sandboxes = new Sandboxes(options);
    await assert.rejects(sandboxes.start(pod), { message, code: "unavailable" });
    assert.deepEqual(sandboxes.list(), []);
  });
}

test("a missing program is named with the command that builds it", async (context) => {
  const { options } = setUp(context);
  const sandboxes = new Sandboxes({ ...options, pauseProgram: "/nonexistent/pause" });
  const message =
    /cannot start \/nonexistent\/pause: .*any npm script of the checkout builds it, such as npm run lanyard -- version$/;
  await assert.rejects(sandboxes.start(pod), { message });
});

test("a registry that cannot be written leaves no process", async (context) => {
  const { options, started } = setUp(context);
  writeFileSync(options.stateDirectory, "a file where the folder should be");
  const sandboxes = new Sandboxes(options);
  await assert.rejects(sandboxes.start(pod), { message: /cannot write .*sandboxes\.json/ });
  assert.equal(started().length, 1);
  assert.deepEqual(started().filter(isAlive), []);
  rmSync(options.stateDirectory);
});

test("a registry in a folder that nobody can make is refused, not tried for ever", () => {
  assert.throws(() => writeRegistry("/proc/nowhere/sandboxes.json", "boot", []), { code: "unavailable" });
});
