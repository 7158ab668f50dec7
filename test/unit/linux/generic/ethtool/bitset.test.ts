import assert from "node:assert/strict";
import test from "node:test";
import {
  namesOf,
  readBitset,
  setNamesOf,
  writeBits,
  writeList,
} from "../../../../../src/linux/generic/ethtool/bitset.ts";
import { AttributeWriter } from "../../../../../src/linux/netlink/attribute.ts";
import { assertBytes, bytesOf } from "../../tc/bytes.ts";

/** ETHTOOL_A_BITSET_BITS with two bits: "TP", which is set, and the nameless bit 93, which is not. */
const TWO_BITS = `
  2400 0380
    1400 0180 0800 0100 07000000 0700 0200 545000 00
    0c00 0180 0800 0100 5d000000`;

test("bits with names are read, and each says whether it is set", () => {
  const bitset = readBitset(
    bytesOf(`
    2800 0380
      1800 0180 0800 0100 07000000 0700 0200 545000 00 0400 0300 # "TP", with ETHTOOL_A_BITSET_BIT_VALUE
      0c00 0180 0800 0100 5d000000`),
  );
  assert.deepEqual(bitset, [
    { name: "TP", isSet: true },
    { name: "bit 93", isSet: false },
  ]);
  assert.deepEqual(namesOf(bitset), ["TP", "bit 93"]);
  assert.deepEqual(setNamesOf(bitset), ["TP"]);
});

test("without a mask every bit that is told is set", () => {
  assert.deepEqual(setNamesOf(readBitset(bytesOf(`0400 0100 ${TWO_BITS}`))), ["TP", "bit 93"]);
  assert.deepEqual(setNamesOf(readBitset(bytesOf(TWO_BITS))), []);
});

test("a bit with an empty name goes by its number", () => {
  const bitset = readBitset(bytesOf("1800 0380 1400 0180 0800 0100 02000000 0500 0200 00 000000"));
  assert.deepEqual(namesOf(bitset), ["bit 2"]);
});

test("bitmaps are read: the mask says which bits are meant", () => {
  const bitset = readBitset(
    bytesOf(`
    0800 0200 22000000          # ETHTOOL_A_BITSET_SIZE: 34 bits
    0c00 0400 01000000 02000000 # ETHTOOL_A_BITSET_VALUE: bits 0 and 33
    0c00 0500 81000000 03000000 # ETHTOOL_A_BITSET_MASK: bits 0, 7, 32 and 33`),
  );
  assert.deepEqual(namesOf(bitset), ["bit 0", "bit 7", "bit 32", "bit 33"]);
  assert.deepEqual(setNamesOf(bitset), ["bit 0", "bit 33"]);
});

test("bitmaps without a mask are the bits that are set", () => {
  const bitset = readBitset(bytesOf("0400 0100 0800 0200 05000000 0800 0400 12000000"));
  assert.deepEqual(bitset, [
    { name: "bit 1", isSet: true },
    { name: "bit 4", isSet: true },
  ]);
});

test("a mask longer than the values has bits that are not set", () => {
  const bitset = readBitset(bytesOf("0800 0400 01000000 0c00 0500 01000000 01000000"));
  assert.deepEqual(bitset, [
    { name: "bit 0", isSet: true },
    { name: "bit 32", isSet: false },
  ]);
});

test("damaged sets are empty", () => {
  for (const bytes of [
    "",
    "0400",
    "0800 0380 0400 0180",
    "0800 0200 ffffffff",
    "0600 0380 0500",
    "0500 0380 01",
  ]) {
    assert.deepEqual(readBitset(bytesOf(bytes)), [], bytes);
  }
});

test("bits are written by name, those that shall be set with a flag", () => {
  const writer = new AttributeWriter();
  writeBits(3, { TP: true, "rx-gro": false }, writer);
  assertBytes(
    writer.finish(),
    `2800 0380 2400 0380                        # no ETHTOOL_A_BITSET_NOMASK: what is not named stays
      1000 0180 0700 0200 545000 00 0400 0300   # with ETHTOOL_A_BITSET_BIT_VALUE
      1000 0180 0b00 0200 72782d67726f00 00`,
  );
});

test("a list says that all others are not set", () => {
  const writer = new AttributeWriter();
  writeList(3, ["TP"], writer);
  assertBytes(
    writer.finish(),
    `1800 0380
      0400 0100                        # ETHTOOL_A_BITSET_NOMASK
      1000 0380 0c00 0180 0700 0200 545000 00`,
  );
});
