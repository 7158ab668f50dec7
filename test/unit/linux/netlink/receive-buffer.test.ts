import assert from "node:assert/strict";
import test from "node:test";
import { ReceiveBuffer } from "../../../../src/linux/netlink/receive-buffer.ts";

const KB = 1024;

test("datagrams lie one behind the other, each from a multiple of four bytes on", () => {
  const buffer = new ReceiveBuffer(64);
  const memory = buffer.makeRoom().buffer;
  buffer.keep(buffer.start + 9);
  const room = buffer.makeRoom();
  assert.deepEqual([room.buffer === memory, room.byteOffset, room.length], [true, 12, 52]);
});

test("where less than half is left, the next datagram gets other memory", () => {
  const buffer = new ReceiveBuffer(64);
  const memory = buffer.makeRoom().buffer;
  buffer.keep(32);
  assert.equal(buffer.isFull, false);
  buffer.keep(33);
  assert.equal(buffer.isFull, true);
  assert.ok(buffer.makeRoom().buffer !== memory);
});

test("what was received is written over once it is cleared, and not once it is given away", () => {
  const buffer = new ReceiveBuffer(64);
  const memory = buffer.makeRoom().buffer;
  buffer.keep(20);
  buffer.clear();
  assert.deepEqual([buffer.makeRoom().buffer === memory, buffer.start], [true, 0]);
  buffer.release();
  assert.ok(buffer.makeRoom().buffer !== memory);
});

test("room for an answer that was cut is kept, unless it is large", () => {
  const buffer = new ReceiveBuffer(64 * KB);
  buffer.grow(100 * KB);
  buffer.clear();
  assert.equal(buffer.makeRoom().length, 100 * KB);
  buffer.grow(8 * KB * KB);
  assert.equal(buffer.makeRoom().length, 8 * KB * KB);
  // Also for the next datagram of the same answer.
  buffer.keep(10);
  assert.equal(buffer.makeRoom().length, 8 * KB * KB);
  buffer.clear();
  assert.equal(buffer.makeRoom().length, 64 * KB);
});
