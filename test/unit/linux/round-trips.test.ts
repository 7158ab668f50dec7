import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AttributeReader, AttributeWriter } from "../../../src/linux/netlink/attribute.ts";
import { encodeMessage, readMessages, setSequence } from "../../../src/linux/netlink/message.ts";
import {
  burstToTicks,
  bytesPerTick,
  rate64,
  readRate,
  ticksToBurst,
  toBytesPerSecond,
  writeRateSpec,
} from "../../../src/linux/route/tc/ratespec.ts";
import { readTopAttributes } from "../../golden/message.ts";
import { bytes, i32, text, u8, u16, u32, u64 } from "./arbitraries/values.ts";

/** Laws that hold for whatever is written and read, tried with values nobody has thought of. */

/** Values tried for each law. */
const TRIES = { numRuns: 500 };

/** One attribute: how it is written, and how it is read back. */
interface Entry {
  readonly type: number;
  readonly write: (writer: AttributeWriter) => void;
  readonly read: (reader: AttributeReader) => unknown;
  readonly value: unknown;
}

const type = fc.integer({ min: 1, max: 400 });

const scalar: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(type, u8).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.u8(t, v),
      (r) => r.u8(t),
    ),
  ),
  fc.tuple(type, u16).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.u16(t, v),
      (r) => r.u16(t),
    ),
  ),
  fc.tuple(type, u32).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.u32(t, v),
      (r) => r.u32(t),
    ),
  ),
  fc.tuple(type, i32).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.i32(t, v),
      (r) => r.i32(t),
    ),
  ),
  fc.tuple(type, u64).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.u64(t, v),
      (r) => r.u64(t),
    ),
  ),
  fc.tuple(type, text).map(([t, v]) =>
    entry(
      t,
      v,
      (w) => w.string(t, v),
      (r) => r.string(t),
    ),
  ),
  fc.tuple(type, bytes()).map(([t, v]) =>
    entry(
      t,
      Buffer.from(v),
      (w) => w.bytes(t, v),
      (r) => asBuffer(r.bytes(t)),
    ),
  ),
  type.map((t) =>
    entry(
      t,
      true,
      (w) => w.flag(t),
      (r) => r.has(t),
    ),
  ),
);

const { tree } = fc.letrec<{ tree: Entry }>((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, scalar, nestOf(tie("tree"))),
}));

/** Attributes of which no two have one type. */
const list = fc.uniqueArray(tree, { selector: (one) => one.type, maxLength: 12 });

function nestOf(child: fc.Arbitrary<Entry>): fc.Arbitrary<Entry> {
  const children = fc.uniqueArray(child, { selector: (one) => one.type, maxLength: 5 });
  return fc.tuple(type, children, fc.boolean()).map(([t, all, isMarked]) =>
    entry(
      t,
      all.map(({ value }) => value),
      (w) => w.nest(t, (nest) => writeAll(all, nest), isMarked),
      (r) => {
        const nest = r.nested(t);
        return nest && all.map((one) => one.read(nest));
      },
    ),
  );
}

function entry(t: number, value: unknown, write: Entry["write"], read: Entry["read"]): Entry {
  return { type: t, value, write, read };
}

function asBuffer(all: Uint8Array | undefined): Buffer | undefined {
  return all && Buffer.from(all);
}

function writeAll(all: readonly Entry[], writer = new AttributeWriter()): AttributeWriter {
  for (const one of all) one.write(writer);
  return writer;
}

test("attributes are read as they were written, at any depth", () => {
  fc.assert(
    fc.property(list, (all) => {
      const reader = new AttributeReader(writeAll(all).finish());
      for (const one of all) assert.deepEqual(one.read(reader), one.value);
    }),
    TRIES,
  );
});

test("attributes come back in the order they were written, also those that repeat", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(type, bytes()), { maxLength: 20 }), (all) => {
      const writer = new AttributeWriter();
      for (const [t, payload] of all) writer.bytes(t, payload);
      const read = [...new AttributeReader(writer.finish()).entries()];
      assert.deepEqual(
        read.map((one) => [one.type, Buffer.from(one.payload)]),
        all.map(([t, payload]) => [t, Buffer.from(payload)]),
      );
    }),
    TRIES,
  );
});

test("of attributes that repeat, the last is the one that counts", () => {
  fc.assert(
    fc.property(type, fc.array(u32, { minLength: 1, maxLength: 5 }), (t, values) => {
      const writer = new AttributeWriter();
      for (const value of values) writer.u32(t, value);
      assert.equal(new AttributeReader(writer.finish()).u32(t), values.at(-1));
    }),
    TRIES,
  );
});

test("what is written is aligned, padded with zeros, and a list for a reader that is not ours", () => {
  fc.assert(
    fc.property(list, (all) => {
      const written = writeAll(all).finish();
      const read = readTopAttributes(written);
      assert.deepEqual(
        read?.map((one) => one.type),
        all.map((one) => one.type),
      );
      assert.equal(written.length % 4, 0);
    }),
    TRIES,
  );
});

test("a type is as good as absent when what is there is too short for what is asked", () => {
  fc.assert(
    fc.property(type, bytes(7), (t, payload) => {
      const reader = new AttributeReader(new AttributeWriter().bytes(t, payload).finish());
      const sizes = [reader.u8(t), reader.u16(t), undefined, reader.u32(t)].map(
        (value) => value !== undefined,
      );
      assert.deepEqual(sizes, [payload.length >= 1, payload.length >= 2, false, payload.length >= 4]);
      assert.equal(reader.u64(t), undefined);
    }),
    TRIES,
  );
});

test("a writer's capacity changes nothing", () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 0, max: 64 }), (all, capacity) => {
      const tight = writeAll(all, new AttributeWriter(0, capacity)).finish();
      assert.deepEqual(Buffer.from(tight), Buffer.from(writeAll(all).finish()));
    }),
    TRIES,
  );
});

/** The size of a family header is whole words. */
const familyHeader = fc
  .integer({ min: 0, max: 6 })
  .chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 }));

test("messages of one datagram are read one by one as they were encoded", () => {
  const one = fc.record({ type: u16, flags: u16, sequence: u32, familyHeader, attributes: list });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 5 }), (all) => {
      const encoded = all.map((each) => {
        const message = encodeMessage(each.type, each.flags, each.familyHeader, (w) => {
          writeAll(each.attributes, w);
        });
        setSequence(message, each.sequence);
        return message;
      });
      const read = [...readMessages(Buffer.concat(encoded))];
      assert.equal(read.length, all.length);
      for (const [position, message] of read.entries()) {
        const each = all[position];
        assert.ok(each);
        assert.deepEqual([message.type, message.sequence, message.portId], [each.type, each.sequence, 0]);
        assert.equal(message.flags, each.flags | 1);
        const size = each.familyHeader.length;
        assert.deepEqual(asBuffer(message.payload.subarray(0, size)), asBuffer(each.familyHeader));
        const reader = new AttributeReader(message.payload.subarray(size));
        for (const attribute of each.attributes) assert.deepEqual(attribute.read(reader), attribute.value);
      }
    }),
    TRIES,
  );
});

/** Bits per second up to 800 Gbit/s, and the bytes of a burst. */
const rate = fc.oneof(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 800_000_000_000 }));
const burst = fc.integer({ min: 1, max: 0xffff_ffff });

test("a rate comes back as whole bytes per second, at most half of one away", () => {
  fc.assert(
    fc.property(rate, (bits) => {
      const view = new DataView(new ArrayBuffer(12));
      writeRateSpec(view, 0, bits);
      const read = readRate(view, 0, rate64(bits));
      assert.equal(read, toBytesPerSecond(bits) * 8);
      assert.ok(Math.abs(read - bits) <= 4 || read === 8);
    }),
    TRIES,
  );
});

test("a burst comes back within what passes in one tick, unless it takes longer than the kernel can count", () => {
  fc.assert(
    fc.property(rate, burst, (bits, size) => {
      const ticks = burstToTicks(size, bits);
      fc.pre(ticks < 0xffff_ffff);
      assert.ok(Math.abs(ticksToBurst(ticks, bits) - size) <= bytesPerTick(bits));
    }),
    TRIES,
  );
});

test("a burst that was read is written and read as itself, so that nothing is changed for ever", () => {
  fc.assert(
    fc.property(rate, burst, (bits, size) => {
      const once = ticksToBurst(burstToTicks(size, bits), bits);
      assert.equal(ticksToBurst(burstToTicks(once, bits), bits), once);
    }),
    TRIES,
  );
});
