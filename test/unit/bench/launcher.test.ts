import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { MissingProgramError } from "../../bench/benchmark.ts";
import { type Ended, Launcher } from "../../bench/plugins/launcher.ts";
import { makeReferenceSide } from "../../bench/plugins/reference-side.ts";

/** A launcher, and a folder, that end with the test. */
function makeLauncher(t: TestContext): { launcher: Launcher; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "launcher-"));
  const launcher = new Launcher(folder);
  t.after(async () => {
    await launcher[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return { launcher, folder };
}

const shell = (script: string, environment: Record<string, string> = {}, input = "") => ({
  program: "/bin/sh",
  parameters: ["-c", script],
  environment: { PATH: process.env.PATH ?? "", ...environment },
  input,
});
const withoutTime = ({ code, output }: Ended) => ({ code, output });

describe("a launcher", () => {
  test("hands variables and input to the program and gives back its output and exit code", async (t) => {
    const { launcher } = makeLauncher(t);
    const input = '{"a":"$HOME \\" `id` *"}\nand a second line';
    const script = 'echo "$CNI_COMMAND $CNI_IFNAME"; cat; exit 3';
    const ended = await launcher.run(shell(script, { CNI_COMMAND: "ADD", CNI_IFNAME: "two words" }, input));
    assert.deepEqual(withoutTime(ended), { code: 3, output: `ADD two words\n${input}` });
  });

  test("keeps neither variables nor output from one run to the next", async (t) => {
    const { launcher } = makeLauncher(t);
    for (const name of ["ONE", "TWO"]) {
      const ended = await launcher.run(shell('printf %s "$ONE$TWO"', { [name]: name }));
      assert.deepEqual(withoutTime(ended), { code: 0, output: name });
    }
  });

  test("runs programs side by side, and measures each from its start to its end", async (t) => {
    const { launcher, folder } = makeLauncher(t);
    // Each waits for the other at the pipes: one after the other they would never end.
    execFileSync("mkfifo", [join(folder, "a"), join(folder, "b")]);
    const both = await Promise.all([
      launcher.run(shell(`cd ${folder}; echo hello >b; cat a`)),
      launcher.run(shell(`cd ${folder}; cat b; sleep 0.05; echo hi >a`)),
    ]);
    assert.deepEqual(both.map(withoutTime), [
      { code: 0, output: "hi\n" },
      { code: 0, output: "hello\n" },
    ]);
    assert.ok(both.every(({ milliseconds }) => milliseconds >= 50));
  });

  test("tells a signal as 128 and its number, and with 127 that there is no such program", async (t) => {
    const { launcher } = makeLauncher(t);
    assert.equal((await launcher.run(shell("kill -KILL $$"))).code, 137);
    const missing = { program: "/nowhere/program", environment: {}, input: "" };
    assert.equal((await launcher.run(missing)).code, 127);
  });

  test("ends its process", async (t) => {
    const { launcher } = makeLauncher(t);
    const { processId } = launcher;
    assert.ok(readFileSync(`/proc/${processId}/cmdline`, "utf8").includes("launcher"));
    await launcher[Symbol.asyncDispose]();
    assert.throws(() => readFileSync(`/proc/${processId}/cmdline`), { code: "ENOENT" });
  });
});

test("a reference plugin that is not installed is named with its Debian package", (t) => {
  assert.throws(
    () => makeReferenceSide(makeLauncher(t).launcher, "/nowhere"),
    (error) =>
      error instanceof MissingProgramError &&
      error.message ===
        "/nowhere/macvlan is not there; install with: apt-get install -y containernetworking-plugins",
  );
});
