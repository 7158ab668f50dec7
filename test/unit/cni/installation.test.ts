import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPlugin } from "../../../src/cni/installation.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

/** A program to install, and a folder of plugins with a plugin of somebody else. */
function setUp(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "lanyard-install-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const program = join(root, "program");
  const folder = join(root, "bin");
  mkdirSync(folder);
  writeFileSync(program, "#!/bin/sh\necho new\n", { mode: 0o600 });
  writeFileSync(join(folder, "bridge"), "theirs");
  return { root, program, folder, path: join(folder, "lanyard") };
}

test("the program is installed once, for everybody to run, and beside what is there", PATIENCE, (t) => {
  const { program, folder, path } = setUp(t);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  assert.equal(installPlugin(program, folder), true);
  assert.deepEqual(readFileSync(path), readFileSync(program));
  assert.equal(statSync(path).mode & 0o7777, 0o755);
  const first = statSync(path, { bigint: true });
  assert.equal(installPlugin(program, folder), false);
  const second = statSync(path, { bigint: true });
  assert.deepEqual([second.ino, second.ctimeNs], [first.ino, first.ctimeNs]);
  assert.deepEqual(readdirSync(folder).sort(), ["bridge", "lanyard"]);
});

test("what differs in content, in mode or in kind is replaced", PATIENCE, (t) => {
  const { root, program, folder, path } = setUp(t);
  writeFileSync(path, "#!/bin/sh\necho old\n", { mode: 0o755 });
  assert.equal(installPlugin(program, folder), true);
  chmodSync(path, 0o644);
  assert.equal(installPlugin(program, folder), true);
  assert.equal(statSync(path).mode & 0o7777, 0o755);
  rmSync(path);
  writeFileSync(join(root, "elsewhere"), "theirs");
  symlinkSync(join(root, "elsewhere"), path);
  assert.equal(installPlugin(program, folder), true);
  assert.equal(readFileSync(join(root, "elsewhere"), "utf8"), "theirs");
  assert.throws(() => readlinkSync(path), { code: "EINVAL" });
});

test("a program that is running is replaced, and goes on running", PATIENCE, async (t) => {
  const { program, folder, path } = setUp(t);
  copyFileSync("/bin/cat", path);
  chmodSync(path, 0o755);
  const running: ChildProcess = spawn(path, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => running.kill("SIGKILL"));
  await once(running, "spawn");
  assert.throws(() => writeFileSync(path, "x"), { code: "ETXTBSY" }, "it cannot be written to in place");
  assert.equal(installPlugin(program, folder), true);
  running.stdin?.end("still here");
  assert.ok(running.stdout !== null);
  const [said] = await once(running.stdout, "data");
  assert.equal(String(said), "still here");
  const renewed = spawn(path, { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await once(renewed.stdout, "data");
  assert.equal(String(output), "new\n");
});

test("what cannot be installed is told with the folder and what would be right", PATIENCE, (t) => {
  const { root, program, folder, path } = setUp(t);
  const missing = join(root, "nowhere");
  const noFolder = { code: "not-found", message: /nowhere: no such folder; expected in cni\.binDirectory/ };
  assert.throws(() => installPlugin(program, missing), noFolder);
  assert.equal(existsSync(missing), false);
  assert.throws(() => installPlugin(join(root, "unbuilt"), folder), {
    code: "not-found",
    message: /unbuilt.*; any npm script of the checkout builds it/,
  });
  mkdirSync(join(path, "full"), { recursive: true });
  assert.throws(() => installPlugin(program, folder), {
    code: "unavailable",
    message: /cannot be installed in .*bin: .*EISDIR.*; expected a folder that root can write to/,
  });
  assert.deepEqual(readdirSync(folder).sort(), ["bridge", "lanyard"], "no draft is left");
});
