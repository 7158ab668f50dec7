import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatRows, makeRow } from "../../bench/report.ts";

const measured = { benchmark: "attach", measure: "attach, median", unit: "ms", ours: 2 };
const peer = { name: "reference 1.0", value: 10 };

describe("a row", () => {
  test("carries the ratio of ours to the peer's, and no verdict without a bar", () => {
    assert.deepEqual(makeRow({ ...measured, peer }), {
      benchmark: "attach",
      measure: "attach, median",
      unit: "ms",
      ours: 2,
      peer: 10,
      peerName: "reference 1.0",
      ratio: 0.2,
      bar: null,
      holds: null,
    });
  });

  test("without a peer has no ratio and nothing to hold", () => {
    const { peer, peerName, ratio, bar, holds } = makeRow(measured);
    assert.deepEqual([peer, peerName, ratio, bar, holds], [null, null, null, null, null]);
  });

  test("holds its bar up to the bar itself and not above it", () => {
    assert.equal(makeRow({ ...measured, peer, bar: 0.3 }).holds, true);
    assert.equal(makeRow({ ...measured, peer, bar: 0.2 }).holds, true);
    assert.equal(makeRow({ ...measured, peer, bar: 0.19 }).holds, false);
  });

  test("cannot have a bar without a peer", () => {
    assert.throws(() => makeRow({ ...measured, bar: 0.3 }), /attach, median: a bar of 0.3 without a peer/);
  });
});

test("the table shows three digits, the ratio and the verdict of each row, and dashes for what is not there", () => {
  const table = formatRows([
    makeRow({ ...measured, ours: 2.3456, peer: { ...peer, value: 123.456 }, bar: 0.3 }),
    makeRow({ ...measured, measure: "detach, median", ours: 0.0456, peer, bar: 0.001 }),
    makeRow({ ...measured, measure: "alone", ours: 4321 }),
  ]);
  assert.deepEqual(
    table.split("\n").map((line) => line.split(/ {2,}/)),
    [
      ["BENCHMARK", "MEASURE", "UNIT", "OURS", "PEER", "RATIO", "BAR", "HOLDS", "PEER'S NAME"],
      ["attach", "attach, median", "ms", "2.35", "123", "0.0190", "0.3", "yes", "reference 1.0"],
      ["attach", "detach, median", "ms", "0.0456", "10.0", "0.00456", "0.001", "NO", "reference 1.0"],
      ["attach", "alone", "ms", "4321", "-", "-", "-", "-", "-"],
      [""],
    ],
  );
});
