import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AttributeWriter } from "../../../src/linux/netlink/attribute.ts";
import { decodeVf } from "../../../src/linux/route/vf.ts";
import { writeVfSettings } from "../../../src/linux/route/vf-settings.ts";
import { decodeVfTable } from "../../../src/linux/route/vf-table.ts";
import { record, u32 } from "./arbitraries/values.ts";

/** Bits per second that are whole Mbit/s, the lower one first. */
const rate = fc
  .tuple(u32, u32)
  .map(([one, other]) => ({ min: Math.min(one, other) * 1e6, max: Math.max(one, other) * 1e6 }));

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex").match(/../g)?.join(":") ?? "";
const guid = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(hex);
/** The lowest bit of the first byte would make it a group's. */
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => hex(bytes.with(0, (bytes[0] as number) & 0xfe)));

/** Everything that is told in the form in which it is set. */
const settings = record({
  mac,
  vlan: record({
    id: fc.integer({ min: 0, max: 4095 }),
    qos: fc.integer({ min: 0, max: 7 }),
    protocol: fc.constantFrom("802.1Q", "802.1ad"),
  }),
  rate,
  isSpoofChecked: fc.boolean(),
  isTrusted: fc.boolean(),
  linkState: fc.constantFrom("auto", "enable", "disable"),
  canQueryRss: fc.boolean(),
  nodeGuid: guid,
  portGuid: guid,
});

test("whatever is set for a VF reads back the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7ffffffe }), settings, (vf, wanted) => {
      const nest = new AttributeWriter();
      writeVfSettings(nest, vf, wanted, "a VF");
      const read = decodeVf(nest.finish());
      assert.equal(read?.index, vf);
      assert.deepEqual(read.attributes, { ...wanted, broadcastMac: undefined });
    }),
    { numRuns: 500 },
  );
});

/** Counters as far as a number counts exactly, in the kernel's order. */
const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const counters = record({
  receivePackets: counter,
  transmitPackets: counter,
  receiveBytes: counter,
  transmitBytes: counter,
  broadcastPackets: counter,
  multicastPackets: counter,
  receiveDrops: counter,
  transmitDrops: counter,
});

test("counters of a VF are read from their attributes, among which is one for padding", () => {
  // IFLA_VF_STATS_RX_PACKETS to IFLA_VF_STATS_TX_DROPPED, without IFLA_VF_STATS_PAD.
  const types = [0, 1, 2, 3, 4, 5, 7, 8];
  fc.assert(
    fc.property(counters, (wanted) => {
      const info = new AttributeWriter().bytes(1, macOf(3)); // IFLA_VF_MAC
      info.nest(8, (nest) => {
        nest.flag(6);
        for (const [position, value] of Object.values(wanted).entries())
          nest.u64(types[position] ?? 0, value);
      });
      assert.deepEqual(decodeVf(info.finish())?.statistics, wanted);
    }),
    { numRuns: 500 },
  );
});

test("a list is read to its end however long it and its VFs are, and whatever its length says of that", () => {
  const sizes = fc.array(fc.integer({ min: 10, max: 90 }), { minLength: 0, maxLength: 700 });
  fc.assert(
    fc.property(sizes, (words) => {
      const message = new AttributeWriter(16);
      message.u32(21, words.length); // IFLA_NUM_VF
      const start = message.finish().length;
      message.bytes(22, new Uint8Array()); // IFLA_VFINFO_LIST
      for (const [vf, size] of words.entries()) {
        // IFLA_VF_INFO: IFLA_VF_MAC, and something long.
        message.nest(1, (nest) => nest.bytes(1, macOf(vf)).bytes(8, new Uint8Array(4 * size)));
      }
      const length = message.finish().length - start;
      message.bytes(43, new Uint8Array(8)); // IFLA_XDP
      const bytes = message.finish();
      new DataView(bytes.buffer).setUint16(start, length & 0xffff, true);
      const { count, vfs, isWhole } = decodeVfTable(bytes);
      assert.deepEqual([count, isWhole], [words.length, true]);
      assert.deepEqual(
        vfs.map(({ index }) => index),
        words.map((_, index) => index),
      );
    }),
    { numRuns: 50 },
  );
});

function macOf(vf: number): Uint8Array {
  const bytes = new Uint8Array(36);
  new DataView(bytes.buffer).setUint32(0, vf, true);
  return bytes;
}
