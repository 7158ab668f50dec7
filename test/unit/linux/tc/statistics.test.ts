import assert from "node:assert/strict";
import test from "node:test";
import { decodeQdisc } from "../../../../src/linux/route/tc/qdisc.ts";
import { bytesOf, messageOf } from "./bytes.ts";

/** A bfifo on link 7 as the kernel reports it, with `statistics` attributes at the end. */
function reported(statistics: string) {
  const payload = bytesOf(`
    00000000 07000000 00000100 ffffffff 02000000  # struct tcmsg; info is the reference count
    0a00 0100 626669666f00 0000                   # TCA_KIND "bfifo"
    0800 0200 400d0300                            # TCA_OPTIONS: limit 200000
    ${statistics}`);
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 36, true);
  bytes.set(payload, 16);
  return decodeQdisc(messageOf(bytes));
}

const queue = `
  1800 0300 03000000 ca110000 05000000 00000000 09000000 # TCA_STATS_QUEUE: qlen 3, backlog 4554, drops 5, requeues, overlimits 9
`;

test("statistics are read from TCA_STATS2", () => {
  const qdisc = reported(`
    3000 0700                                # TCA_STATS2
      1400 0100 0100000001000000 2a00000000000000  # TCA_STATS_BASIC: 2^32+1 bytes, 42 packets
      ${queue}`);
  assert.deepEqual(qdisc?.statistics, {
    bytes: 2 ** 32 + 1,
    packets: 42,
    drops: 5,
    overlimits: 9,
    backlogBytes: 4554,
    queueLength: 3,
  });
});

test("the 64-bit packet count wins over the 32-bit one", () => {
  const qdisc = reported(`
    2400 0700
      1400 0100 0100000000000000 2a00000000000000
      0c00 0800 2a00000001000000             # TCA_STATS_PKT64: 2^32+42`);
  assert.equal(qdisc?.statistics.packets, 2 ** 32 + 42);
});

test("statistics are read from TCA_STATS where there is no TCA_STATS2", () => {
  const qdisc = reported(`
    2800 0300                                # TCA_STATS, struct tc_stats
      0100000001000000 2a000000 05000000 09000000 # bytes, packets, drops, overlimits
      00000000 00000000 03000000 ca110000    # bytes/s, packets/s, qlen, backlog`);
  assert.deepEqual(qdisc?.statistics, {
    bytes: 2 ** 32 + 1,
    packets: 42,
    drops: 5,
    overlimits: 9,
    backlogBytes: 4554,
    queueLength: 3,
  });
});

test("an object without statistics has none", () => {
  const qdisc = reported("");
  assert.equal(qdisc?.statistics.bytes, 0);
  assert.deepEqual(qdisc?.spec, { link: 7, parent: "root", handle: 0x10000, kind: "bfifo", limit: 200_000 });
});

test("statistics cut off in the middle read as none", () => {
  assert.equal(reported("0c00 0700 0800 0100 01000000")?.statistics.bytes, 0);
});
