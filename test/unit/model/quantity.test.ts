import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidValueError } from "../../../src/model/errors.ts";
import { burstBytes, formatRate, parseBurst, parseCount, parseRate } from "../../../src/model/quantity.ts";

const rates: [unknown, number][] = [
  ["500M", 500_000_000],
  ["1G", 1_000_000_000],
  ["100k", 100_000],
  ["1Ki", 1_024],
  ["1Gi", 1_073_741_824],
  ["2.3k", 2_300],
  [".5M", 500_000],
  ["1e6", 1_000_000],
  ["1E3", 1_000],
  ["1500000000m", 1_500_000],
  [1_000, 1_000],
  ["9P", 9_000_000_000_000_000],
];

test("a rate is a Kubernetes quantity in bits per second", () => {
  for (const [written, expected] of rates) assert.equal(parseRate(written, "x"), expected, String(written));
});

const refusedRates: [unknown, RegExp][] = [
  ["100", /at least 1k .*did you mean "100M"\?/],
  [100, /at least 1k .*did you mean "100M"\?/],
  ["100m", /did you mean "100M"\?/],
  [0, /at least 1k \(1000 bits per second\)$/],
  ["-5M", /at least 1k \(1000 bits per second\)$/],
  ["500Mbit", /did you mean "500M"\?/],
  ["500 Mbit/s", /did you mean "500M"\?/],
  ["1gbps", /did you mean "1G"\?/],
  ["10K", /did you mean "10k"\?/],
  ["500MB/s", /counts bits, not bytes/],
  ["10P", /at most 9P/],
  ["1E", /at most 9P/],
  ["fast", /such as 500M, 1G or 100k$/],
  ["", /such as 500M, 1G or 100k$/],
  ["1e", /such as 500M/],
  [true, /such as 500M/],
  [Number.NaN, /such as 500M/],
  [undefined, / is missing; expected /],
];

test("a rate that is none or is likely a mistake is refused with the place and what would be right", () => {
  for (const [written, message] of refusedRates) {
    assert.throws(
      () => parseRate(written, "qos.yaml#1 spec.egress.ceiling"),
      (error: unknown) => {
        assert.ok(error instanceof InvalidValueError);
        assert.ok(error.message.startsWith("qos.yaml#1 spec.egress.ceiling"), error.message);
        assert.match(error.message, message);
        return true;
      },
      String(written),
    );
  }
});

test("a burst is bytes or a duration", () => {
  assert.deepEqual(parseBurst("64Ki", "x"), { bytes: 65_536 });
  assert.deepEqual(parseBurst(1_500, "x"), { bytes: 1_500 });
  assert.deepEqual(parseBurst("10ms", "x"), { milliseconds: 10 });
  assert.deepEqual(parseBurst("1s", "x"), { milliseconds: 1_000 });
  assert.deepEqual(parseBurst("500us", "x"), { milliseconds: 0.5 });
});

test("a burst that lets no packet through, or lasts for minutes, is refused", () => {
  for (const [written, message] of [
    ["64", /at least 1500 bytes; did you mean "64Ki"\?/],
    ["10m", /did you mean "10ms"\?/],
    ["0ms", /more than 0 and at most 60s/],
    ["61s", /more than 0 and at most 60s/],
    ["10 ms", /such as 64Ki, or a duration such as 10ms/],
    [null, /such as 64Ki/],
  ] as const) {
    assert.throws(() => parseBurst(written, "x"), message, String(written));
  }
});

test("a burst in time is what the rate brings in it, rounded up to a byte", () => {
  assert.equal(burstBytes({ milliseconds: 10 }, 100_000_000), 125_000);
  assert.equal(burstBytes({ milliseconds: 1 }, 1_001), 1);
  assert.equal(burstBytes({ bytes: 4_096 }, 1), 4_096);
});

test("a count is whole and not negative", () => {
  assert.equal(parseCount("2", "x"), 2);
  assert.equal(parseCount("1k", "x"), 1_000);
  assert.equal(parseCount(0, "x"), 0);
  for (const written of [1.5, "500m", -1, "two", undefined]) {
    assert.throws(() => parseCount(written, "x"), /a whole number such as 1/);
  }
});

test("a rate is shown to people in the decimal unit that fits", () => {
  for (const [rate, text] of [
    [500_000_000, "500 Mbit/s"],
    [1_500_000, "1.5 Mbit/s"],
    [1_073_741_824, "1.074 Gbit/s"],
    [1_000, "1 kbit/s"],
    [999, "999 bit/s"],
    [999_999, "1 Mbit/s"],
    [400_000_000_000, "400 Gbit/s"],
    [5_000_000_000_000_000, "5000 Tbit/s"],
    [0, "0 bit/s"],
  ] as const) {
    assert.equal(formatRate(rate), text);
  }
});
