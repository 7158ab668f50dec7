import assert from "node:assert/strict";
import test from "node:test";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  readMessages,
  setSequence,
} from "../../../../src/linux/netlink/message.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { join, layOut } from "./datagrams.ts";

test("a request is a header, the family's structure and attributes, with the length in front", () => {
  const request = encodeMessage(0x10, NLM_F_ACK | NLM_F_CREATE, Uint8Array.of(0, 1, 2, 3), (w) => w.u8(5, 6));
  setSequence(request, 0x01020304);
  assertBytes(
    request,
    `
    1c000000          # 28 bytes in all
    1000 0504         # type; NLM_F_REQUEST is put in, with ACK and CREATE
    04030201 00000000 # sequence number; port id 0, the kernel fills in the sender's
    00010203          # the family's structure
    0500 0500 06000000`,
  );
});

test("a family structure whose size is no multiple of four is padded", () => {
  const request = encodeMessage(1, 0, Uint8Array.of(7, 7, 7, 7, 7), (w) => w.flag(1));
  assertBytes(request, "1c000000 0100 0100 00000000 00000000 0707070707000000 0400 0100");
});

test("the sequence number is put into a request that lies inside a larger buffer", () => {
  const buffer = new Uint8Array(32);
  setSequence(buffer.subarray(8), 0xffffffff);
  assert.deepEqual([...buffer.subarray(16, 20)], [255, 255, 255, 255]);
});

test("the messages of a datagram are told apart, also when one is not a multiple of four long", () => {
  const datagram = join(
    layOut({ type: 16, flags: 2, sequence: 9, portId: 77, payload: Uint8Array.of(1) }),
    layOut({ type: 3, sequence: 9, portId: 77 }),
  );
  assert.deepEqual(
    [...readMessages(datagram)],
    [
      { type: 16, flags: 2, sequence: 9, portId: 77, payload: Uint8Array.of(1) },
      { type: 3, flags: 0, sequence: 9, portId: 77, payload: new Uint8Array() },
    ],
  );
});

test("reading stops at a message whose length does not fit the datagram", () => {
  const good = layOut({ type: 1 });
  const wrongLengths = ["0f000000", "00000000", "11000000", "ffffffff", "f0ffffff"];
  for (const length of wrongLengths) {
    const bad = bytesOf(`${length} 0100 0000 00000000 00000000`);
    assert.equal([...readMessages(join(good, bad))].length, 1, length);
  }
  assert.equal([...readMessages(join(good, good.subarray(0, 15)))].length, 1);
  assert.equal([...readMessages(new Uint8Array())].length, 0);
});
