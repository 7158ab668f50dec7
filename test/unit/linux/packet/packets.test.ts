import assert from "node:assert/strict";
import test from "node:test";
import {
  type ArpPacket,
  decodeArp,
  encodeArp,
  encodeGratuitousArp,
} from "../../../../src/linux/packet/arp.ts";
import { decodeFrame } from "../../../../src/linux/packet/ethernet.ts";
import {
  decodeNeighbourAdvertisement,
  encodeNeighbourAdvertisement,
  encodeUnsolicitedAdvertisement,
} from "../../../../src/linux/packet/neighbour-advertisement.ts";
import { Packets } from "../../../../src/linux/packet/packets.ts";
import type { Job, JobResult } from "../../../../src/linux/worker/jobs.ts";
import type { JobRunner, Schedule } from "../../../../src/linux/worker/pool.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";

const MAC = "02:00:00:00:00:0a";

/**
 * The advertisement of fd01::3 by MAC, as an IPv6 packet; the sum of its 16-bit words, without those that are 0:
 * fd01+0003 + ff02+0001 + 0020+003a (length, ICMPv6) + 8800+2000 + fd01+0003 + 0201+0200+0000+000a = 3a570; with the
 * carry a573, inverted 5a8c.
 */
const ADVERTISEMENT = `
  60000000 0020 3a ff                             # IPv6, 32 bytes behind the header, ICMPv6, hop limit 255
  fd010000000000000000000000000003                # source
  ff020000000000000000000000000001                # destination: all nodes
  88 00 5a8c     20000000                         # neighbour advertisement, override
  fd010000000000000000000000000003                # target
  02 01 02000000000a                              # option: the target's MAC address`;

test("a gratuitous ARP is a request for one's own address, to everybody", () => {
  assertBytes(
    encodeGratuitousArp("10.1.2.3", MAC),
    `
    ffffffffffff 02000000000a 0806                # broadcast, from MAC, ARP
    0001 0800 06 04 0001                          # Ethernet, IPv4, 6 and 4 bytes each, request
    02000000000a 0a010203                         # sender
    000000000000 0a010203                         # target: nobody's MAC, the same address`,
  );
});

test("an ARP packet is read as it was written", () => {
  const packet: ArpPacket = {
    operation: "reply",
    senderMac: MAC,
    senderAddress: "10.1.2.3",
    targetMac: "02:00:00:00:00:0b",
    targetAddress: "10.1.2.4",
  };
  const bytes = encodeArp(packet);
  assert.deepEqual(decodeArp(bytes), packet);
  // A link pads what it sends to 60 bytes.
  assert.deepEqual(decodeArp(Uint8Array.from([...bytes, ...new Uint8Array(18)])), packet);
  assert.equal(decodeArp(encodeArp({ ...packet, operation: 9 }))?.operation, 9);
});

test("what is no ARP packet of IPv4 over Ethernet is none", () => {
  const bytes = encodeGratuitousArp("10.1.2.3", MAC).subarray(14);
  assert.equal(decodeArp(bytes.subarray(0, 27)), undefined);
  // Hardware, protocol and both lengths.
  for (const at of [1, 2, 4, 5]) {
    const other = bytes.slice();
    other[at] = 0x20;
    assert.equal(decodeArp(other), undefined, `byte ${at}`);
  }
});

test("an unsolicited neighbour advertisement goes to all nodes and overrides what they knew", () => {
  const frame = decodeFrame(encodeUnsolicitedAdvertisement("fd01::3", MAC, false));
  assert.ok(frame);
  assert.deepEqual([frame.destination, frame.source, frame.type], ["33:33:00:00:00:01", MAC, 0x86dd]);
  assertBytes(frame.payload, ADVERTISEMENT);
  assert.deepEqual(decodeNeighbourAdvertisement(frame.payload), {
    source: "fd01::3",
    destination: "ff02::1",
    target: "fd01::3",
    mac: MAC,
    isRouter: false,
    isSolicited: false,
    isOverride: true,
  });
});

test("a neighbour advertisement is read as it was written", () => {
  const advertisement = {
    source: "fe80::1",
    destination: "fd01::4",
    target: "fd01::3",
    mac: undefined,
    isRouter: true,
    isSolicited: true,
    isOverride: false,
  };
  const packet = encodeNeighbourAdvertisement(advertisement);
  assert.deepEqual(decodeNeighbourAdvertisement(packet), advertisement);
  // What a link pads is not part of it.
  assert.deepEqual(decodeNeighbourAdvertisement(Uint8Array.from([...packet, 0, 0])), advertisement);
});

test("an advertisement that no host may believe is none", () => {
  const good = bytesOf(ADVERTISEMENT);
  assert.ok(decodeNeighbourAdvertisement(good));
  // Version, length, ICMPv6, hop limit, source, type, code, checksum, flags, target, option.
  for (const at of [0, 5, 6, 7, 23, 40, 41, 42, 44, 63, 71]) {
    const other = good.slice();
    other[at] = (other[at] as number) ^ 0x11;
    assert.equal(decodeNeighbourAdvertisement(other), undefined, `byte ${at}`);
  }
  assert.equal(decodeNeighbourAdvertisement(good.subarray(0, 71)), undefined);
  assert.equal(decodeNeighbourAdvertisement(good.subarray(0, 63)), undefined);
});

/** Takes work and gives what the worker would have answered. */
function makeRunner(answer: JobResult) {
  const done: { job: Job; schedule: Schedule }[] = [];
  const runner: JobRunner = {
    run: async (tasks, schedule) =>
      tasks.map(({ job }) => {
        done.push({ job, schedule });
        return answer;
      }),
  };
  const place = { keyPrefix: "blue", enter: () => ({ fd: undefined, leave: () => {} }) };
  return { packets: new Packets(runner, place, "blue"), done };
}

test("the addresses of a link are announced together, each in the form of its family", async () => {
  const { packets, done } = makeRunner({ did: "sendFrames", errno: 0 });
  await packets.announce(7, ["10.1.2.3/24", "fd01:0::3/64"], MAC, { isRouter: true });
  assert.deepEqual(done, [
    {
      job: {
        do: "sendFrames",
        link: 7,
        frames: [encodeGratuitousArp("10.1.2.3", MAC), encodeUnsolicitedAdvertisement("fd01::3", MAC, true)],
      },
      schedule: { lane: "change", key: "blue/7" },
    },
  ]);
  await assert.rejects(packets.announce(7, ["10.1.2.3"], "02:00"), { code: "invalid" });
  await assert.rejects(packets.announce(7, ["net1"], MAC), { code: "invalid" });
  assert.equal(done.length, 1);
});

test("a packet that cannot be sent is named with the reason", async () => {
  const announce = (errno: number) =>
    makeRunner({ did: "sendFrames", errno }).packets.announce(7, ["10.1.2.3/24"], MAC);
  await assert.rejects(announce(100), {
    message: "announce 10.1.2.3/24 on link 7 in blue: the link is not up (ENETDOWN)",
    errno: 100,
  });
  await assert.rejects(announce(6), {
    message: /: there is no such link in this network namespace \(ENXIO\)$/,
  });
  await assert.rejects(announce(90), { message: /: the packet is larger than the link's MTU/ });
});
