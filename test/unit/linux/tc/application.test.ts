import assert from "node:assert/strict";
import test from "node:test";
import {
  decodeFqCodelStatistics,
  decodeFqStatistics,
  decodeHtbClassStatistics,
} from "../../../../src/linux/route/tc/application.ts";
import { decodeClass } from "../../../../src/linux/route/tc/class.ts";
import { bytesOf, messageOf } from "./bytes.ts";

/** struct tc_fq_qd_stats as Linux 6.7 and newer report it. */
const FQ = bytesOf(`
  0100000000000000 0200000000000000 0300000000000000  # gc_flows, highprio_packets, tcp_retrans
  0400000000000000 0500000000000000 0600000000000000  # throttled, flows_plimit, pkts_too_long
  0700000000000000 0800000000000000                   # allocation_errors, time_next_delayed_flow
  09000000 0a000000 0b000000 0c000000                 # flows, inactive, throttled, unthrottle_latency_ns
  0d00000000000000 0e00000000000000 0f00000000000000  # ce_mark, horizon_drops, horizon_caps
  1000000000000000                                    # fastpath_packets
  1100000000000000 1200000000000000 1300000000000000  # band_drops
  14000000 15000000 16000000 00000000                 # band_pkt_count, pad`);

test("what fq counts is read", () => {
  assert.deepEqual(decodeFqStatistics(FQ), {
    kind: "fq",
    flows: 9,
    inactiveFlows: 10,
    throttledFlows: 11,
    throttled: 4,
    flowLimitDrops: 5,
    ceMarks: 13,
    horizonDrops: 14,
    horizonCaps: 15,
    fastPathPackets: 16,
    bands: [
      { drops: 17, packets: 20 },
      { drops: 18, packets: 21 },
      { drops: 19, packets: 22 },
    ],
  });
});

test("what an older fq does not count is absent", () => {
  const counted = {
    kind: "fq",
    flows: 9,
    inactiveFlows: 10,
    throttledFlows: 11,
    throttled: 4,
    flowLimitDrops: 5,
  };
  const marks = { ceMarks: 13, horizonDrops: 14, horizonCaps: 15 };
  assert.deepEqual(decodeFqStatistics(FQ.subarray(0, 80)), counted);
  assert.deepEqual(decodeFqStatistics(FQ.subarray(0, 104)), { ...counted, ...marks });
  assert.deepEqual(decodeFqStatistics(FQ.subarray(0, 112)), { ...counted, ...marks, fastPathPackets: 16 });
  assert.equal(decodeFqStatistics(FQ.subarray(0, 79)), undefined);
});

test("what fq_codel counts is read, and what its classes count is not taken for it", () => {
  const bytes = bytesOf(`
    00000000                             # TCA_FQ_CODEL_XSTATS_QDISC
    01000000 02000000 03000000 04000000  # maxpacket, drop_overlimit, ecn_mark, new_flow_count
    05000000 06000000 07000000           # new_flows_len, old_flows_len, ce_mark
    08000000 09000000                    # memory_usage, drop_overmemory`);
  assert.deepEqual(decodeFqCodelStatistics(bytes), {
    kind: "fq_codel",
    largestPacket: 1,
    limitDrops: 2,
    ecnMarks: 3,
    newFlows: 4,
    activeFlows: 11,
    ceMarks: 7,
    memory: 8,
    memoryDrops: 9,
  });
  bytes[0] = 1; // TCA_FQ_CODEL_XSTATS_CLASS
  assert.equal(decodeFqCodelStatistics(bytes), undefined);
  assert.equal(decodeFqCodelStatistics(bytes.subarray(0, 39)), undefined);
});

test("what a class of htb counts is read from TCA_STATS2 and from the older TCA_XSTATS, with its leaf", () => {
  const xstats = "01000000 02000000 03000000 ffffffff 04000000"; // lends, borrows, giants, tokens, ctokens
  const application = { kind: "htb", lends: 1, borrows: 2, giants: 3, tokens: -1, ceilTokens: 4 };
  assert.deepEqual(decodeHtbClassStatistics(bytesOf(xstats)), application);
  for (const statistics of [`1c00 0700 1800 0400 ${xstats}`, `1800 0400 ${xstats}`]) {
    const payload = bytesOf(`
      00000000 07000000 10000100 ffffffff 00001200  # struct tcmsg: 1:10; info is the leaf 12:
      0800 0100 68746200                            # TCA_KIND "htb"
      ${statistics}`);
    const bytes = new Uint8Array(16 + payload.length);
    new DataView(bytes.buffer).setUint32(0, bytes.length, true);
    bytes.set(payload, 16);
    const found = decodeClass(messageOf(bytes));
    assert.deepEqual(found?.application, application);
    assert.equal(found?.leaf, 0x120000);
  }
});
