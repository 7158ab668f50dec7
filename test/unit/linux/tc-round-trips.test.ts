import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AttributeReader, AttributeWriter } from "../../../src/linux/netlink/attribute.ts";
import { type Message, readMessages } from "../../../src/linux/netlink/message.ts";
import { readActions, type TcAction, writeActions } from "../../../src/linux/route/tc/action.ts";
import { decodeClass, encodeClass } from "../../../src/linux/route/tc/class.ts";
import { decodeFilter, encodeFilter } from "../../../src/linux/route/tc/filter.ts";
import { decodeQdisc, encodeQdisc } from "../../../src/linux/route/tc/qdisc.ts";
import { decodeStatistics, decodeStatistics2 } from "../../../src/linux/route/tc/statistics.ts";
import { actions, classes, filters, qdiscs } from "./arbitraries/tc.ts";
import { record, u32 } from "./arbitraries/values.ts";

/** Every kind of traffic control: what is asked of the kernel is understood when the kernel says the same. */

const TRIES = { numRuns: 200 };

function theMessage(request: Uint8Array): Message {
  const [message] = readMessages(request);
  assert.ok(message);
  return message;
}

for (const [kind, spec] of Object.entries(qdiscs)) {
  test(`a qdisc of the kind ${kind} is read as it was written`, () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        assert.deepEqual(decodeQdisc(theMessage(encodeQdisc(wanted, 0)))?.spec, wanted);
      }),
      TRIES,
    );
  });
}

for (const [kind, spec] of Object.entries(classes)) {
  test(`a class of the kind ${kind} is read as it was written`, () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        assert.deepEqual(decodeClass(theMessage(encodeClass(wanted, 0)))?.spec, wanted);
      }),
      TRIES,
    );
  });
}

for (const [kind, spec] of Object.entries(filters)) {
  test(`a filter of the kind ${kind} is read as it was written`, () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        assert.deepEqual(decodeFilter(theMessage(encodeFilter(wanted, 0)))?.spec, wanted);
      }),
      TRIES,
    );
  });
}

for (const [kind, spec] of Object.entries<fc.Arbitrary<TcAction>>(actions)) {
  test(`actions of the kind ${kind} are read as they were written, in their order`, () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 4 }), (wanted) => {
        const writer = new AttributeWriter();
        writeActions(writer, 7, wanted);
        assert.deepEqual(readActions(new AttributeReader(writer.finish()).bytes(7)), wanted);
      }),
      TRIES,
    );
  });
}

/** Counters as far as a number counts exactly. */
const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const statistics = record({
  bytes: counter,
  packets: u32,
  drops: u32,
  overlimits: u32,
  backlogBytes: u32,
  queueLength: u32,
});

/** Numbers of 32 bits one behind the other; the first 64 bits are one number. */
function structure(first: number, ...words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * words.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(first), true);
  for (const [index, word] of words.entries()) view.setUint32(8 + 4 * index, word, true);
  return bytes;
}

test("statistics are read from the structures that newer kernels tell, packets beyond 32 bits too", () => {
  fc.assert(
    fc.property(statistics, fc.option(counter, { nil: undefined }), (wanted, packets64) => {
      const { bytes, packets, drops, overlimits, backlogBytes, queueLength } = wanted;
      const requeues = 77;
      // TCA_STATS_BASIC, TCA_STATS_QUEUE {qlen, backlog, drops, requeues, overlimits}, TCA_STATS_PKT64
      const writer = new AttributeWriter().bytes(1, structure(bytes, packets, 0));
      const queue = new Uint32Array([queueLength, backlogBytes, drops, requeues, overlimits]);
      writer.bytes(3, new Uint8Array(queue.buffer));
      if (packets64 !== undefined) writer.u64(8, packets64);
      const read = decodeStatistics2(new AttributeReader(writer.finish()));
      assert.deepEqual(read, { ...wanted, packets: packets64 ?? packets });
    }),
    TRIES,
  );
});

test("statistics are read from the structure that older kernels tell", () => {
  fc.assert(
    fc.property(statistics, (wanted) => {
      const { bytes, packets, drops, overlimits, backlogBytes, queueLength } = wanted;
      const rates = [55, 66];
      // struct tc_stats: bytes, packets, drops, overlimits, bits and packets per second, qlen, backlog
      const told = structure(bytes, packets, drops, overlimits, ...rates, queueLength, backlogBytes);
      assert.deepEqual(decodeStatistics(told), wanted);
    }),
    TRIES,
  );
});
