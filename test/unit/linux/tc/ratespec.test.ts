import assert from "node:assert/strict";
import test from "node:test";
import {
  burstToTicks,
  bytesPerTick,
  rate64,
  readRate,
  ticksToBurst,
  writeRateSpec,
} from "../../../../src/linux/route/tc/ratespec.ts";
import { assertBytes } from "./bytes.ts";

const spec = (rate: number) => {
  const view = new DataView(new ArrayBuffer(12));
  writeRateSpec(view, 0, rate);
  return new Uint8Array(view.buffer);
};

test("a rate is written as bytes per second of an Ethernet link", () => {
  // 50 Mbit/s = 6,250,000 bytes/s = 0x5f5e10
  assertBytes(spec(50e6), "03 01 0000 ffff 0000 105e5f00");
});

test("a rate above 2^32-1 bytes per second fills the 32-bit field and has a 64-bit one", () => {
  assertBytes(spec(40e9), "03 01 0000 ffff 0000 ffffffff");
  assert.equal(rate64(40e9), 5_000_000_000n);
});

test("a rate of 2^32-1 bytes per second needs no 64-bit field", () => {
  assert.equal(rate64((2 ** 32 - 1) * 8), undefined);
  assert.equal(rate64(2 ** 32 * 8), BigInt(2 ** 32));
});

test("a rate below one byte per second is one byte per second, because the kernel refuses 0", () => {
  assertBytes(spec(1), "03 01 0000 ffff 0000 01000000");
});

for (const rate of [1_000, 1e6, 50e6, 1e9, 40e9, 100e9]) {
  test(`a rate of ${rate} bits per second is read back`, () => {
    assert.equal(readRate(new DataView(spec(rate).buffer), 0, rate64(rate)), rate);
  });
}

test("a burst is the time it takes, in ticks of 64 ns", () => {
  // 62,500 bytes at 50 Mbit/s are 10 ms = 156,250 ticks
  assert.equal(burstToTicks(62_500, 50e6), 156_250);
});

for (const rate of [1e6, 50e6, 1e9, 100e9]) {
  test(`a burst at ${rate} bits per second is read back within one tick`, () => {
    for (const burst of [3_000, 62_500, 1_250_001]) {
      const read = ticksToBurst(burstToTicks(burst, rate), rate);
      assert.ok(Math.abs(read - burst) <= bytesPerTick(rate), `${burst} came back as ${read}`);
    }
  });
}

test("a burst read back goes to the kernel as the same ticks", () => {
  for (const rate of [1e6, 37e6, 999_999_992, 25e9, 100e9]) {
    const ticks = burstToTicks(1_234_567, rate);
    assert.equal(burstToTicks(ticksToBurst(ticks, rate), rate), ticks);
  }
});
