import assert from "node:assert/strict";
import { test } from "node:test";
import { SerialTask } from "../../../src/model/serial-task.ts";

test("what is asked for many times during a run is done by one more run", async () => {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const task = new SerialTask(async () => {
    runs += 1;
    await gate.promise;
  });
  void task.request();
  void task.request();
  const done = task.request();
  assert.equal(runs, 1);
  gate.resolve();
  await done;
  assert.equal(runs, 2);
});

test("a request right after the loop's last look is not lost", async () => {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const task = new SerialTask(() => {
    runs += 1;
    return gate.promise;
  });
  void task.request();
  // Registered after the loop's own reaction to the promise, so that it comes right behind it.
  const late = gate.promise.then(() => task.request());
  gate.resolve();
  await late;
  await task.settle();
  assert.equal(runs, 2);
});

test("a run that fails keeps no later one from starting", async () => {
  let runs = 0;
  const task = new SerialTask(async () => {
    runs += 1;
    if (runs === 1) throw new Error("once");
  });
  await assert.rejects(task.request(), /once/);
  await task.request();
  assert.equal(runs, 2);
});
