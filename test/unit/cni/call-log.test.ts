import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { logCall } from "../../../src/cni/call-log.ts";

/** The lines that a call leaves in the log of a level. */
async function linesOf(environment: Record<string, string>, call: () => Promise<unknown>, level = "info") {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level, base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  await logCall(log, new Map(Object.entries(environment)), call).catch(() => {});
  return lines;
}

const ADD = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "box1",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=alpha",
  TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  BAGGAGE: "",
};

test("a call leaves one line with its pod, its trace, its time and its end", async () => {
  const [line, ...others] = await linesOf(ADD, async () => {});
  assert.deepEqual(others, []);
  const { milliseconds, ...told } = line ?? {};
  assert.equal(typeof milliseconds, "number");
  assert.deepEqual(told, {
    level: 30,
    command: "ADD",
    pod: "blue/alpha",
    sandbox: "box1",
    interface: "eth0",
    traceparent: ADD.TRACEPARENT,
    msg: "ADD is done",
  });
});

test("a call that failed leaves one line of warning with its reason and its trace", async () => {
  const failing = () => Promise.reject(new Error("no such network"));
  const lines = await linesOf(ADD, failing);
  assert.deepEqual(
    lines.map(({ level, msg, traceparent }) => [level, msg, traceparent]),
    [[40, "ADD failed: no such network", ADD.TRACEPARENT]],
  );
});

test("what the runtime asks all the time leaves a line only where all is told", async () => {
  assert.deepEqual(await linesOf({ CNI_COMMAND: "STATUS" }, async () => {}), []);
  assert.equal((await linesOf({ CNI_COMMAND: "STATUS" }, async () => {}, "debug")).length, 1);
});

test("a pod is told also where the rest of CNI_ARGS cannot be used", async () => {
  const [line] = await linesOf({ CNI_COMMAND: "DEL", CNI_ARGS: "odd;K8S_POD_NAME=alpha" }, async () => {});
  assert.equal(line?.pod, "/alpha");
});
