import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "node:test";
import { BATCH } from "../../fuzz/board.ts";
import { type CampaignOptions, runCampaign } from "../../fuzz/campaign.ts";
import { findReach, formatFailure, formatUnreached } from "../../fuzz/report.ts";
import { makeInput, type Target } from "../../fuzz/target.ts";

/** A run over one of the modules beside this file. */
async function run(module: string, options: Partial<CampaignOptions> = {}) {
  const targets = new URL(`./${module}.ts`, import.meta.url).href;
  const { signal } = new AbortController();
  return await runCampaign({ targets, seed: 1, first: 0, inputs: 100_000, signal, workers: 2, ...options });
}

/** The input that a run with the same seed and number has. */
async function again(module: string, input: number): Promise<Uint8Array> {
  const { targets }: { targets: readonly Target[] } = await import(`./${module}.ts`);
  return makeInput(targets, 1, input).bytes;
}

test("a decoder that throws is found, with what makes it throw, cut down to what is needed", async () => {
  const { failures } = await run("throwing");
  const [failure] = failures;
  assert.ok(failure);
  assert.match(failure.reason, /RangeError: planted/);
  assert.deepEqual(failure.bytes, await again("throwing", failure.input));
  assert.equal(failure.shrunk?.length, 4);
  assert.ok(failure.shrunk.includes(0xff));
  const text = formatFailure(failure, 1);
  assert.ok(text.includes(Buffer.from(failure.bytes).toString("hex")));
  assert.match(text, new RegExp(`throwing.*--seed 1 --first ${failure.input} --inputs 1$`, "s"));
});

test("a decoder that does not return is stopped, and what holds it is told", {
  timeout: 60_000,
}, async () => {
  const { failures } = await run("looping");
  assert.ok(failures.length > 0);
  for (const { decoder, reason, bytes, input } of failures) {
    assert.equal(decoder, "looping");
    assert.equal(reason, "did not return within 1000 ms");
    assert.equal(bytes[0], 0xff);
    assert.deepEqual(bytes, await again("looping", input));
  }
});

test("a run without a failure feeds as many inputs as were asked for", async () => {
  const inputs = BATCH * 3 + 5;
  const { fed, failures, inputs: made } = await run("harmless", { inputs });
  assert.deepEqual(failures, []);
  assert.equal(made, inputs);
  assert.deepEqual([...fed], [["harmless", inputs]]);
});

test("a run without a number ends when it is told to", { timeout: 60_000 }, async () => {
  const signal = AbortSignal.timeout(500);
  const { failures } = await run("harmless", { inputs: Number.POSITIVE_INFINITY, signal });
  assert.deepEqual(failures, []);
});

test("Ctrl-C ends a run, which tells what it came to", { timeout: 60_000 }, async () => {
  const program = join(import.meta.dirname, "../../fuzz/run.ts");
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  let told = "";
  for await (const text of child.stdout) {
    if (told === "") child.kill("SIGINT");
    told += text;
  }
  assert.deepEqual(await closed, [130, null]);
  assert.match(told, /^seed \d+, inputs 0\n.*\d+ inputs in /s);
});

test("wrong words are refused, with what is expected", async () => {
  const program = join(import.meta.dirname, "../../fuzz/run.ts");
  for (const words of [["--seconds", "0"], ["--inputs", "many"], ["--seed"], ["--speed", "9"], ["more"]]) {
    const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "ignore", "pipe"] });
    const closed = once(child, "close");
    let told = "";
    for await (const text of child.stderr) told += text;
    assert.deepEqual(await closed, [2, null], words.join(" "));
    assert.match(told, /expected: npm run fuzz/);
  }
});

test("targets that cannot be loaded are an error, not a run", async () => {
  await assert.rejects(run("absent"), { code: "ERR_MODULE_NOT_FOUND" });
});

test("a decoder that nothing calls is told of, whether it was loaded or not", () => {
  const calls = new Map([
    ["src/linux/a.ts decodeA", 3],
    ["src/linux/a.ts decode", 0],
    ["src/linux/a.ts helper", 0],
  ]);
  const exported = [
    { file: "src/linux/a.ts", name: "decodeA" },
    { file: "src/linux/b.ts", name: "readB" },
  ];
  assert.deepEqual(
    formatUnreached(findReach(calls, exported)).map((line) => /NOT REACHED: (.*?);/.exec(line)?.[1]),
    ["decode (src/linux/a.ts)", "readB (src/linux/b.ts)"],
  );
});
