import assert from "node:assert/strict";
import test from "node:test";
import { AttributeReader, AttributeWriter, align4 } from "../../../../src/linux/netlink/attribute.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";

test("sizes are rounded up to four bytes", () => {
  assert.deepEqual([0, 1, 3, 4, 5, 65535].map(align4), [0, 4, 4, 4, 8, 65536]);
});

test("every type of attribute is written as the kernel lays it out", () => {
  const writer = new AttributeWriter()
    .u8(1, 0xab)
    .u16(2, 0x1234)
    .u16be(3, 0x0800)
    .u32(4, 0xdeadbeef)
    .i32(5, -1)
    .u64(6, 2n ** 32n + 1n)
    .string(7, "lo")
    .bytes(8, Uint8Array.of(1, 2, 3, 4, 5))
    .flag(9)
    .nest(10, (nest) => nest.u8(1, 1))
    .nest(11, (nest) => nest.u8(1, 2), false);
  assertBytes(
    writer.finish(),
    `
    0500 0100 ab000000              # length 5: header 4 + 1; three bytes of padding are not counted
    0600 0200 34120000              # host order
    0600 0300 08000000              # network order: 0x0800 is written 08 00
    0800 0400 efbeadde
    0800 0500 ffffffff
    0c00 0600 0100000001000000      # 64 bits, low half first; netlink aligns to 4, not 8
    0700 0700 6c6f0000              # "lo" and its closing zero: length 7
    0900 0800 0102030405000000
    0400 0900                       # nothing but the header
    0c00 0a80 0500 0100 01000000    # bit 15 of the type: NLA_F_NESTED
    0c00 0b00 0500 0100 02000000    # tc writes its nests without it`,
  );
});

test("what was written is read back", () => {
  const bytes = new AttributeWriter()
    .u8(1, 255)
    .u16(2, 65535)
    .u32(4, 0xffffffff)
    .i32(5, -2)
    .u64(6, 2n ** 63n)
    .string(7, "grün")
    .bytes(8, Uint8Array.of(9, 8))
    .flag(9)
    .nest(10, (nest) => nest.nest(1, (inner) => inner.string(3, "deep")))
    .finish();
  const reader = new AttributeReader(bytes);
  assert.equal(reader.u8(1), 255);
  assert.equal(reader.u16(2), 65535);
  assert.equal(reader.u32(4), 0xffffffff);
  assert.equal(reader.i32(5), -2);
  assert.equal(reader.u64(6), 2n ** 63n);
  assert.equal(reader.string(7), "grün");
  assert.deepEqual(reader.bytes(8), Uint8Array.of(9, 8));
  assert.equal(reader.has(9), true);
  assert.equal(reader.has(3), false);
  assert.equal(reader.nested(10)?.nested(1)?.string(3), "deep");
  assert.deepEqual(
    [...reader.entries()].map(({ type }) => type),
    [1, 2, 4, 5, 6, 7, 8, 9, 10],
  );
});

test("an attribute that is not there, or too short for what is asked, reads as undefined", () => {
  const reader = new AttributeReader(new AttributeWriter().u16(1, 7).flag(2).finish());
  assert.equal(reader.u32(1), undefined);
  assert.equal(reader.u64(1), undefined);
  assert.equal(reader.u8(2), undefined);
  for (const missing of [reader.u8(3), reader.string(3), reader.bytes(3), reader.nested(3)]) {
    assert.equal(missing, undefined);
  }
  assert.equal(reader.string(2), "");
});

test("of attributes that repeat the last counts, as in the kernel's parser, and a list has them all", () => {
  const reader = new AttributeReader(new AttributeWriter().u8(1, 1).u8(1, 2).finish());
  assert.equal(reader.u8(1), 2);
  assert.deepEqual(
    [...reader.entries()].map(({ payload }) => payload[0]),
    [1, 2],
  );
});

test("a string ends at its first zero byte, or with the attribute", () => {
  const reader = new AttributeReader(
    bytesOf(`
    0800 0100 61006263   # "a", zero, "bc"
    0600 0200 6f6b0000   # "ok" without a closing zero`),
  );
  assert.equal(reader.string(1), "a");
  assert.equal(reader.string(2), "ok");
});

test("a string that begins like a byte order mark keeps it", () => {
  const written = new AttributeWriter().string(1, "\ufeffuplink").finish();
  assert.equal(new AttributeReader(written).string(1), "\ufeffuplink");
});

test("a reader over part of a buffer sees that part only", () => {
  const whole = bytesOf("ffffffff 0800 0100 2a000000 0800 0200 07000000");
  const reader = new AttributeReader(whole.subarray(4, 12));
  assert.equal(reader.u32(1), 42);
  assert.equal(reader.has(2), false);
});

test("reading stops at the first attribute whose length does not fit", () => {
  const good = "0800 0100 2a000000";
  for (const bad of ["0300 0200 00000000", "0000 0200 00000000", "0900 0200 00000000", "ffff 0200", "0800"]) {
    const reader = new AttributeReader(bytesOf(good + bad));
    assert.deepEqual(
      [...reader.entries()].map(({ type }) => type),
      [1],
      bad,
    );
  }
});

test("a writer grows with what is written and keeps what it has", () => {
  const writer = new AttributeWriter(20, 0);
  const expected: number[] = [];
  for (let value = 0; value < 1000; value++) {
    writer.nest(1, (nest) => nest.u32(2, value));
    expected.push(value);
  }
  const bytes = writer.finish();
  assert.equal(bytes.length, 20 + 1000 * 12);
  assert.deepEqual(bytes.subarray(0, 20), new Uint8Array(20));
  const read = [...new AttributeReader(bytes.subarray(20)).entries()];
  assert.deepEqual(
    read.map(({ payload }) => new AttributeReader(payload).u32(2)),
    expected,
  );
});

test("bytes that are reused after growth do not show through padding", () => {
  const bytes = new AttributeWriter(0, 4).bytes(1, Uint8Array.of(255)).string(2, "x").finish();
  assertBytes(bytes, "0500 0100 ff000000 0600 0200 78000000");
});

test("what lies in front of a nest's attributes is written unframed", () => {
  const bytes = new AttributeWriter()
    .nest(1, (nest) => nest.raw(Uint8Array.of(1, 2, 3, 4, 5)).u8(2, 6))
    .finish();
  assertBytes(bytes, "1400 0180 01020304 05000000 0500 0200 06000000");
});

test("an attribute of 65535 bytes is the largest; a longer one is refused", () => {
  const largest = new AttributeWriter().bytes(1, new Uint8Array(65531)).finish();
  assert.equal(new AttributeReader(largest).bytes(1)?.length, 65531);
  const tooLarge = { name: "RangeError", message: /attribute 1 is 65536 bytes, above 65535/ };
  assert.throws(() => new AttributeWriter().bytes(1, new Uint8Array(65532)), tooLarge);
  assert.throws(() => new AttributeWriter().string(1, "x".repeat(65531)), tooLarge);
  assert.throws(
    () =>
      new AttributeWriter().nest(1, (nest) => {
        for (let part = 0; part < 4; part++) nest.bytes(2, new Uint8Array(16_379));
      }),
    { name: "RangeError", message: /attribute 1 is 65540 bytes, above 65535/ },
  );
});

test("attributes are read where they lie in a larger memory, and no further", () => {
  const inner = new AttributeWriter()
    .string(1, "name")
    .nest(2, (nest) => nest.u32(3, 7).bytes(4, Uint8Array.of(5, 6)));
  const attributes = inner.finish();
  // What stands behind them would be one more attribute.
  const memory = new Uint8Array(12 + attributes.length + 8);
  memory.set(attributes, 12);
  memory.set([8, 0, 9, 0, 1, 0, 0, 0], 12 + attributes.length);
  const part = memory.subarray(4, 12 + attributes.length);
  const reader = new AttributeReader(part, 8);
  assert.deepEqual([reader.string(1), reader.nested(2)?.u32(3), reader.has(9)], ["name", 7, false]);
  assert.deepEqual(reader.nested(2)?.bytes(4), Uint8Array.of(5, 6));
  assert.deepEqual(
    reader.entries().map(({ type, payload }) => [type, payload.length]),
    [
      [1, 5],
      [2, 16],
    ],
  );
  // Another memory in between does not disturb it.
  assert.equal(new AttributeReader(Uint8Array.of(5, 0, 1, 0, 3, 0, 0, 0)).u8(1), 3);
  assert.deepEqual([reader.string(1), reader.nested(2)?.u32(3)], ["name", 7]);
});
