import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Companion } from "../../../bench/devices/companion.ts";
import type { ObedientOrders } from "./obedient-process.ts";

const start = (...parameters: string[]) =>
  new Companion<ObedientOrders>(join(import.meta.dirname, "obedient-process.ts"), ...parameters);

test("an order is answered with what came of it, bytes as bytes", async () => {
  await using companion = start();
  assert.equal(await companion.ask("add", 2, 3), 5);
  assert.deepEqual(await companion.ask("bytes", 2), Uint8Array.of(7, 7));
});

test("an order that cannot be done fails with the reason, and the next one is done", async () => {
  await using companion = start();
  await assert.rejects(companion.ask("fail"), /there is no such thing/);
  assert.equal(await companion.ask("add", 1, 1), 2);
});

test("an order that takes long does not keep the next one waiting", async () => {
  await using companion = start();
  const waiting = companion.ask("waitForFinish");
  await companion.ask("finish");
  assert.equal(await waiting, "finished");
});

test("the end of the process fails what it was asked for, and says how it ended", async () => {
  await using companion = start();
  const waiting = assert.rejects(companion.ask("waitForFinish"), /obedient-process\.ts ended with 3/);
  await assert.rejects(companion.ask("end"), /ended with 3/);
  await waiting;
});

test("the process ends what it has begun, and is gone afterwards", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "companion-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const note = join(folder, "note");
  const companion = start(note);
  await companion.ask("add", 0, 0);
  const { processId } = companion;
  assert.ok(existsSync(`/proc/${processId}`));
  await companion[Symbol.asyncDispose]();
  assert.equal(readFileSync(note, "utf8"), "ended");
  assert.ok(!existsSync(`/proc/${processId}`));
});
