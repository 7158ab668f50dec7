import assert from "node:assert/strict";
import test from "node:test";
import { AttributeReader } from "../../../../src/linux/netlink/attribute.ts";
import { readDonePayload, readErrorPayload } from "../../../../src/linux/netlink/error.ts";
import { readMessages } from "../../../../src/linux/netlink/message.ts";
import { decodeArp } from "../../../../src/linux/packet/arp.ts";
import { decodeNeighbourAdvertisement } from "../../../../src/linux/packet/neighbour-advertisement.ts";
import { decodeAddress } from "../../../../src/linux/route/address.ts";
import { decodeFdbEntry } from "../../../../src/linux/route/fdb.ts";
import { decodeLink } from "../../../../src/linux/route/link-decoder.ts";
import { readNamespaceId } from "../../../../src/linux/route/namespace-ids.ts";
import { decodeNeighbour } from "../../../../src/linux/route/neighbours.ts";
import { decodeRoute } from "../../../../src/linux/route/route.ts";
import { decodeClass } from "../../../../src/linux/route/tc/class.ts";
import { decodeFilter } from "../../../../src/linux/route/tc/filter.ts";
import { decodeQdisc } from "../../../../src/linux/route/tc/qdisc.ts";
import { decodeUevent } from "../../../../src/linux/uevent.ts";
import * as captured from "../route/captured.ts";

/** The same numbers in every run (mulberry32), so that a failure can be looked into. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Changes some bytes, and now and then cuts the end off or puts a length where one may stand. */
function damage(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const damaged = bytes.slice(0, random(8) === 0 ? random(bytes.length + 1) : bytes.length);
  if (damaged.length === 0) return damaged;
  for (let left = 1 + random(12); left > 0; left--) damaged[random(damaged.length)] = random(256);
  if (damaged.length >= 8 && random(2) === 0) {
    const at = random(damaged.length >> 2) * 4;
    const lengths = [0, 1, 3, 4, 5, 0x7fff, 0xfffc, 0xffff];
    new DataView(damaged.buffer).setUint16(at, lengths[random(lengths.length)] as number, true);
  }
  return damaged;
}

/** Reads everything that can be read, and counts what was gone through. */
function readAll(datagram: Uint8Array): number {
  let steps = 0;
  for (const { payload, flags } of readMessages(datagram)) {
    steps += 1;
    decodeLink(payload);
    decodeAddress(payload);
    decodeRoute(payload);
    decodeNeighbour(payload);
    decodeFdbEntry(payload);
    decodeUevent(payload);
    decodeArp(payload);
    decodeNeighbourAdvertisement(payload);
    readNamespaceId(payload);
    readErrorPayload(payload, flags);
    readDonePayload(payload, flags);
    decodeQdisc({ type: 36, flags, sequence: 0, portId: 0, payload });
    decodeClass({ type: 40, flags, sequence: 0, portId: 0, payload });
    decodeFilter({ type: 44, flags, sequence: 0, portId: 0, payload });
    for (const headerSize of [4, 8, 12, 16, 20]) steps += walk(payload.subarray(headerSize), 0);
  }
  return steps;
}

function walk(bytes: Uint8Array, depth: number): number {
  const reader = new AttributeReader(bytes);
  let steps = 0;
  for (const { type, payload } of reader.entries()) {
    steps += 1;
    reader.u8(type);
    reader.u16(type);
    reader.u32(type);
    reader.i32(type);
    reader.u64(type);
    reader.string(type);
    if (depth < 4) steps += walk(payload, depth + 1);
  }
  return steps;
}

test("damaged bytes neither throw nor keep a reader busy", () => {
  const random = makeRandom(20_26);
  const datagrams = Object.values(captured);
  for (let round = 0; round < 5000; round++) {
    const damaged = damage(datagrams[round % datagrams.length] as Uint8Array, random);
    try {
      // An attribute has at least 4 bytes, so that a reader that goes on takes no more steps than this.
      assert.ok(readAll(damaged) <= damaged.length * 5 * 5);
    } catch (error) {
      throw new Error(`round ${round}: ${Buffer.from(damaged).toString("hex")}`, { cause: error });
    }
  }
});

test("random bytes do not either", () => {
  const random = makeRandom(6);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: random(300) }, () => random(256));
    if (bytes.length >= 16) new DataView(bytes.buffer).setUint32(0, bytes.length, true);
    readAll(bytes);
  }
});
