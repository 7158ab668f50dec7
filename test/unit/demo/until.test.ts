import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../../src/demo/until.ts";
import { LanyardError } from "../../../src/model/errors.ts";

const { signal } = new AbortController();

test("waits until there is something", async () => {
  let looks = 0;
  const found = await until("the third look", () => (++looks === 3 ? "here" : undefined), { signal });
  assert.equal(found, "here");
});

test("says what did not happen, how long it waited and what it saw instead", async () => {
  const waiting = until("the pods run", () => undefined, {
    signal,
    timeoutMs: 40,
    lastSeen: () => "alpha Pending",
  });
  await assert.rejects(waiting, {
    code: "timeout",
    message: "the pods run: not within 0.04 s; last seen: alpha Pending",
  });
});

test("an agent that does not answer yet is waited for, and named when it never does", async () => {
  let looks = 0;
  const refuse = () => {
    looks += 1;
    throw new LanyardError("unavailable", "no agent answers");
  };
  await assert.rejects(until("the agent answers", refuse, { signal, timeoutMs: 40 }), /no agent answers/);
  assert.ok(looks > 1);
});

test("any other error ends the waiting at once", async () => {
  const fail = () => {
    throw new LanyardError("internal", "broken");
  };
  await assert.rejects(until("something", fail, { signal }), /^LanyardError: broken$/);
});

test("the signal ends the waiting with its reason", async () => {
  const stop = new AbortController();
  const waiting = until("for ever", () => undefined, { signal: stop.signal });
  stop.abort(new LanyardError("unavailable", "the agent has ended by itself"));
  await assert.rejects(waiting, /the agent has ended by itself/);
});
