import assert from "node:assert/strict";
import test from "node:test";
import { median, quantile } from "../../bench/statistics.ts";

test("the median is the middle sample, or lies between the two in the middle", () => {
  assert.equal(median([7]), 7);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("samples are put in order by their size and left as they were", () => {
  const samples = [10, 9, 100];
  assert.equal(median(samples), 10);
  assert.deepEqual(samples, [10, 9, 100]);
});

test("a quantile lies between its neighbours in proportion", () => {
  const samples = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
  assert.equal(quantile(samples, 0.9), 90);
  assert.equal(quantile(samples, 0.95), 95);
  assert.equal(quantile(samples, 0), 0);
  assert.equal(quantile(samples, 1), 100);
});

test("no samples have no quantile", () => {
  assert.throws(() => quantile([], 0.5), RangeError);
});
