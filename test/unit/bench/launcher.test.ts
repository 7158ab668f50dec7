import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Launcher } from "../../bench/attach/launcher.ts";
import { makeReferenceSide } from "../../bench/attach/reference-plugin.ts";
import { MissingProgramError } from "../../bench/benchmark.ts";

/** A program with these lines, and a launcher of it that ends with the test. */
function makeLauncher(t: TestContext, ...lines: string[]): { launcher: Launcher; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "launcher-"));
  const program = join(folder, "program");
  writeFileSync(program, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(program, 0o755);
  const launcher = new Launcher(program);
  t.after(async () => {
    await launcher[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return { launcher, folder };
}

describe("a launcher", () => {
  test("hands variables and input to the program and gives back its output and exit code", async (t) => {
    const { launcher } = makeLauncher(t, 'echo "$CNI_COMMAND $CNI_IFNAME"; cat; exit 3');
    const input = '{"a":"$HOME \\" `id` *"}';
    assert.deepEqual(await launcher.run({ CNI_COMMAND: "ADD", CNI_IFNAME: "*" }, input), {
      code: 3,
      output: `ADD *\n${input}`,
    });
  });

  test("keeps neither variables nor output from one run to the next", async (t) => {
    const { launcher } = makeLauncher(t, 'printf %s "$ONE$TWO"');
    assert.deepEqual(await launcher.run({ ONE: "1" }, ""), { code: 0, output: "1" });
    assert.deepEqual(await launcher.run({ TWO: "2" }, ""), { code: 0, output: "2" });
  });

  test("runs programs side by side", async (t) => {
    const { launcher, folder } = makeLauncher(
      t,
      'cd "$(dirname "$0")"',
      'if [ "$ME" = a ]; then echo hello >b; cat a; else cat b; echo hi >a; fi',
    );
    // Each waits for the other at the pipes: one after the other they would never end.
    execFileSync("mkfifo", [join(folder, "a"), join(folder, "b")]);
    const both = [launcher.run({ ME: "a" }, ""), launcher.run({ ME: "b" }, "")] as const;
    assert.deepEqual(await Promise.all(both), [
      { code: 0, output: "hi" },
      { code: 0, output: "hello" },
    ]);
  });

  test("says with exit code 127 that there is no such program", async () => {
    await using launcher = new Launcher("/nowhere/program");
    assert.equal((await launcher.run({}, "")).code, 127);
  });

  test("refuses what would not arrive as it is", async (t) => {
    const { launcher } = makeLauncher(t, "exit 0");
    await assert.rejects(launcher.run({ A: "two words" }, ""), RangeError);
    await assert.rejects(launcher.run({}, "two\nlines"), RangeError);
  });

  test("ends its shells", async (t) => {
    const { launcher } = makeLauncher(t, "echo $PPID");
    const { output } = await launcher.run({}, "");
    const shell = Number(output);
    assert.ok(readFileSync(`/proc/${shell}/cmdline`, "utf8").startsWith("sh\0"));
    await launcher[Symbol.asyncDispose]();
    assert.throws(() => readFileSync(`/proc/${shell}/cmdline`), { code: "ENOENT" });
  });
});

test("a reference plugin that is not installed is named with its Debian package", () => {
  assert.throws(
    () => makeReferenceSide("/nowhere"),
    (error) =>
      error instanceof MissingProgramError &&
      error.message ===
        "/nowhere/macvlan is not there; install with: apt-get install -y containernetworking-plugins",
  );
});
