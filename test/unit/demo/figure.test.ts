import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDeviation, judgeBytes, judgeFact, judgeRate } from "../../../src/demo/figure.ts";

test("a rate holds up to 3 % beside what is configured, above and below", () => {
  for (const measured of [97_000_000, 100_000_000, 103_000_000]) {
    assert.equal(judgeRate("gold", "receiver", 100_000_000, measured).holds, true, String(measured));
  }
  for (const measured of [96_900_000, 103_100_000]) {
    assert.equal(judgeRate("gold", "receiver", 100_000_000, measured).holds, false, String(measured));
  }
});

test("a counter holds up to 1 % beside the bytes sent", () => {
  assert.equal(judgeBytes("net1", "link", 1_000_000, 1_009_999).holds, true);
  assert.equal(judgeBytes("net1", "link", 1_000_000, 1_010_100).holds, false);
  assert.equal(judgeBytes("net1", "link", 1_000_000, 989_900).holds, false);
});

test("what was not measured does not hold", () => {
  const figure = judgeRate("gold", "receiver", 100_000_000, undefined);
  assert.equal(figure.holds, false);
  assert.equal(figure.measured, "nothing");
  assert.equal(figure.deviation, undefined);
});

test("nothing sent is no success, even when nothing was counted", () => {
  assert.equal(judgeBytes("net1", "link", 0, 0).holds, false);
});

test("a figure says both values as people write them", () => {
  const { expected, measured } = judgeRate("gold", "receiver", 200_000_000, 199_870_000);
  assert.deepEqual([expected, measured], ["200 Mbit/s", "199.9 Mbit/s"]);
});

test("a fact has no deviation", () => {
  const fact = judgeFact("route", "TCP", { expected: "reached", measured: "reached", holds: true });
  assert.equal(fact.deviation, undefined);
});

test("a deviation has a sign and one digit, and no sign when it is nothing", () => {
  assert.equal(formatDeviation(0.0123), "+1.2 %");
  assert.equal(formatDeviation(-0.5), "-50.0 %");
  assert.equal(formatDeviation(-0.0001), "0.0 %");
});

test("bytes are grouped by thousands", () => {
  assert.equal(formatBytes(999), "999 bytes");
  assert.equal(formatBytes(1_234_567.6), "1 234 568 bytes");
});
