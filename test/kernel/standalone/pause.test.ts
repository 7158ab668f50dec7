import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { Sandboxes } from "../../../src/standalone/sandbox.ts";

const program = new URL("../../../native/build/pause", import.meta.url).pathname;
const skip =
  process.getuid?.() !== 0
    ? "needs root"
    : existsSync(program)
      ? false
      : "native/build/pause is missing; any npm script of the checkout builds it, such as npm run lanyard -- version";

/** The program, ready; ended after the test. */
async function startProgram(context: TestContext, ...options: string[]) {
  const child = spawn(program, options, { stdio: ["pipe", "pipe", "pipe"] });
  const exit = once(child, "exit");
  context.after(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child.stdout, "end");
  assert.equal(said, "ready\n");
  return { child, exit, pid: child.pid ?? 0 };
}

test("pause holds a network namespace of its own, with its loopback link up", { skip }, async (context) => {
  const { pid } = await startProgram(context);
  const path = `/proc/${pid}/ns/net`;
  assert.notEqual(readlinkSync(path), readlinkSync("/proc/self/ns/net"));
  const links = JSON.parse(
    execFileSync("nsenter", [`--net=${path}`, "ip", "-json", "link"], { encoding: "utf8" }),
  );
  assert.equal(links.find(({ ifname }: { ifname: string }) => ifname === "lo")?.flags.includes("UP"), true);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`pause ends at ${signal} with exit code 0, and does not end by itself`, { skip }, async (context) => {
    const { child, exit } = await startProgram(context);
    child.stdin.end();
    child.kill(signal);
    assert.deepEqual(await exit, [0, null]);
  });
}

test("pause that was never confirmed ends with its input", { skip }, async (context) => {
  const { child, exit } = await startProgram(context, "--confirm", "default/alpha");
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
});

test("pause without the right to make a namespace says so", { skip }, () => {
  // Without the capability, and not as another user: a user namespace knows no other.
  const args = ["--inh-caps=-sys_admin", "--bounding-set=-sys_admin", program];
  const outcome = () =>
    execFileSync("setpriv", args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  assert.throws(outcome, {
    status: 1,
    stderr: "pause: cannot make a network namespace: error 1 (not permitted; run as root)\n",
  });
});

test("a sandbox holds a namespace until it is stopped", { skip }, async (context) => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "lanyard-sandbox-"));
  const sandboxes = new Sandboxes({ stateDirectory, pauseProgram: program, log: pino({ level: "silent" }) });
  const pod = { namespace: "default", name: "alpha", uid: "u-1" };
  context.after(async () => {
    await sandboxes.stop(pod);
    rmSync(stateDirectory, { recursive: true });
  });
  const { pid, namespacePath } = await sandboxes.start(pod);
  assert.notEqual(readlinkSync(namespacePath), readlinkSync("/proc/self/ns/net"));
  assert.equal(readFileSync(`/proc/${pid}/cmdline`, "utf8"), `${program}\0--confirm\0default/alpha\0`);
  await sandboxes.stop(pod);
  assert.equal(existsSync(namespacePath), false);
});
