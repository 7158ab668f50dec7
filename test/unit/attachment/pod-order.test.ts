import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PodOrder } from "../../../src/attachment/pod-order.ts";

describe("the order of work for pods", () => {
  test("does the work for one pod in turn, also after a failure, and that of pods side by side", async () => {
    const order = new PodOrder();
    const log: string[] = [];
    const gate = Promise.withResolvers<void>();
    const failing = order.run("a", async () => {
      await gate.promise;
      log.push("a1");
      throw new Error("no");
    });
    const second = order.run("a", async () => log.push("a2"));
    await order.run("b", async () => log.push("b"));
    assert.deepEqual(log, ["b"]);
    gate.resolve();
    await assert.rejects(failing, /no/);
    await second;
    assert.deepEqual(log, ["b", "a1", "a2"]);
  });

  test("knows for which pod there is work about a sandbox, until the last of it has ended", async () => {
    const order = new PodOrder();
    const gate = Promise.withResolvers<void>();
    const one = order.run("a", () => gate.promise, "box");
    const other = order.run("a", async () => {}, "box");
    assert.deepEqual(new Set(order.podsOf("box")), new Set(["a"]));
    assert.deepEqual(order.podsOf("another box"), []);
    gate.resolve();
    await Promise.all([one, other]);
    assert.deepEqual(order.podsOf("box"), []);
    await order.settle();
  });
});
