import assert from "node:assert/strict";
import { test } from "node:test";
import {
  payloadOnLink,
  payloadOnWire,
  rateBetween,
  ratesBetween,
  wireBytes,
} from "../../../src/demo/rate.ts";

/** One megabit (125,000 bytes) every 100 ms is 10 Mbit/s. */
const steady = Array.from({ length: 11 }, (_, index) => ({ at: 1000 + index * 100, bytes: index * 125_000 }));

test("a full segment at MTU 1500 carries 1448 bytes of payload in 1514 bytes on the wire", () => {
  assert.equal(wireBytes(1448, 1500), 1514);
  assert.equal(payloadOnWire(1514, 1500), 1448);
});

test("a jumbo frame costs less", () => {
  assert.equal(wireBytes(8948, 9000), 9014);
});

test("a link counts the headers of a packet once: 66 bytes, however large it is", () => {
  assert.equal(payloadOnLink(65_066, 1), 65_000);
  assert.equal(payloadOnLink(1514 * 10, 10), 14_480);
});

test("packets without payload, as acknowledgements are, carry nothing", () => {
  assert.equal(payloadOnLink(66 * 7, 7), 0);
});

test("the rate is what arrived between two moments, whatever the spacing of the samples", () => {
  assert.equal(rateBetween(steady, 1000, 2000), 10_000_000);
  const uneven = [steady[0], steady[3], steady[4], steady[10]].filter((sample) => sample !== undefined);
  assert.equal(rateBetween(uneven, 0, 9999), 10_000_000);
});

test("what arrived before and after the window does not count", () => {
  const burst = [
    { at: 0, bytes: 0 },
    { at: 100, bytes: 90_000_000 },
  ];
  const samples = [...burst, ...steady.map(({ at, bytes }) => ({ at, bytes: bytes + 90_000_000 }))];
  assert.equal(rateBetween(samples, 1000, 2000), 10_000_000);
});

test("without two samples in the window there is no rate", () => {
  assert.equal(rateBetween([], 0, 1000), undefined);
  assert.equal(rateBetween(steady, 1050, 1150), undefined);
});

test("a pause shows as a stretch with no rate at all", () => {
  const samples = [
    { at: 0, bytes: 0 },
    { at: 100, bytes: 125_000 },
    { at: 200, bytes: 125_000 },
    { at: 300, bytes: 250_000 },
  ];
  assert.deepEqual(ratesBetween(samples, 0, 300), [10_000_000, 0, 10_000_000]);
});
