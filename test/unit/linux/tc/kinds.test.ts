import assert from "node:assert/strict";
import test from "node:test";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../../../src/linux/netlink/message.ts";
import { decodeQdisc, encodeQdisc, type QdiscSpec, Qdiscs } from "../../../../src/linux/route/tc/qdisc.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { makeRecorder } from "../route/recorder.ts";
import { assertAttribute, assertBytes, bytesOf, messageOf, optionsOf } from "./bytes.ts";

// Golden bytes: what iproute2 6.1 sends for the command in the test's name.
const ADD = NLM_F_CREATE | NLM_F_EXCL;
const place = { link: 4, parent: "root", handle: tcHandle(1) } as const;
const encode = (spec: object) => encodeQdisc({ ...place, ...spec } as QdiscSpec, ADD);

test("tc qdisc add dev LINK4 root handle 1: fq limit 5000 flow_limit 50 quantum 4000 ... horizon 2s horizon_cap", () => {
  const options = optionsOf(
    encode({
      kind: "fq",
      limit: 5000,
      flowLimit: 50,
      quantum: 4000,
      initialQuantum: 20_000,
      isPacing: false,
      maxRate: 8e6,
      buckets: 512,
      refillDelay: 40_000,
      orphanMask: 255,
      lowRateThreshold: 800_000,
      ceThreshold: 5000,
      timerSlack: 10_000,
      horizon: 2_000_000,
      beyondHorizon: "cap",
    }),
  );
  assertAttribute(options, 1, "88130000"); // TCA_FQ_PLIMIT 5000
  assertAttribute(options, 2, "32000000"); // TCA_FQ_FLOW_PLIMIT 50
  assertAttribute(options, 3, "a00f0000"); // TCA_FQ_QUANTUM 4000
  assertAttribute(options, 4, "204e0000"); // TCA_FQ_INITIAL_QUANTUM 20000
  assertAttribute(options, 5, "00000000"); // TCA_FQ_RATE_ENABLE: no
  assertAttribute(options, 7, "40420f00"); // TCA_FQ_FLOW_MAX_RATE 1000000 bytes/s
  assertAttribute(options, 8, "09000000"); // TCA_FQ_BUCKETS_LOG: 2^9
  assertAttribute(options, 9, "409c0000"); // TCA_FQ_FLOW_REFILL_DELAY 40000 us
  assertAttribute(options, 10, "ff000000"); // TCA_FQ_ORPHAN_MASK 255
  assertAttribute(options, 11, "a0860100"); // TCA_FQ_LOW_RATE_THRESHOLD 100000 bytes/s
  assertAttribute(options, 12, "88130000"); // TCA_FQ_CE_THRESHOLD 5000 us
  assertAttribute(options, 13, "10270000"); // TCA_FQ_TIMER_SLACK 10000 ns
  assertAttribute(options, 14, "80841e00"); // TCA_FQ_HORIZON 2000000 us
  assertAttribute(options, 15, "00"); // TCA_FQ_HORIZON_DROP: no
});

test("an fq of which nothing is wanted says nothing, and no limit is the largest number", () => {
  assert.deepEqual([...optionsOf(encode({ kind: "fq" })).entries()], []);
  const options = optionsOf(encode({ kind: "fq", maxRate: "none", ceThreshold: "none" }));
  assertAttribute(options, 7, "ffffffff");
  assertAttribute(options, 12, "ffffffff");
});

test("a low rate that no flow is below is 0", () => {
  assertAttribute(optionsOf(encode({ kind: "fq", lowRateThreshold: 0 })), 11, "00000000");
});

test("the bands of fq are a map of priorities and three weights", () => {
  const priorityBands = [0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1];
  const options = optionsOf(encode({ kind: "fq", priorityBands, bandWeights: [65_536, 32_768, 16_384] }));
  assertAttribute(options, 16, "03000000 00010202 02020202 02020202 02020201"); // struct tc_prio_qopt: 3 bands
  assertAttribute(options, 17, "00000100 00800000 00400000");
});

test("tc qdisc add dev LINK4 root handle 1: fq_codel ... flows 256 quantum 3000 ce_threshold 1024us drop_batch 32", () => {
  const options = optionsOf(
    encode({
      kind: "fq_codel",
      limit: 1000,
      memoryLimit: 131_072,
      target: 5000,
      interval: 100_000,
      ecn: false,
      flows: 256,
      quantum: 3000,
      ceThreshold: 1024,
      dropBatch: 32,
    }),
  );
  assertAttribute(options, 4, "00000000"); // TCA_FQ_CODEL_ECN: no
  assertAttribute(options, 5, "00010000"); // TCA_FQ_CODEL_FLOWS 256
  assertAttribute(options, 6, "b80b0000"); // TCA_FQ_CODEL_QUANTUM 3000
  assertAttribute(options, 7, "00040000"); // TCA_FQ_CODEL_CE_THRESHOLD 1024 us
  assertAttribute(options, 8, "20000000"); // TCA_FQ_CODEL_DROP_BATCH_SIZE 32
});

test("FQ-CoDel is not told again how many flows it has", async () => {
  const { client, sent } = makeRecorder();
  const qdiscs = new Qdiscs(client);
  const options = { limit: 1, memoryLimit: 2, target: 3, interval: 4, ecn: true, flows: 256 };
  await qdiscs.add({ ...place, kind: "fq_codel", ...options });
  await qdiscs.change({ ...place, kind: "fq_codel", ...options });
  const told = sent.map(({ request }) => optionsOf(request).has(5)); // TCA_FQ_CODEL_FLOWS
  assert.deepEqual(told, [true, false]);
});

test("tc qdisc add dev LINK4 root handle 1: tbf rate 8mbit burst 10000 limit 20000 peakrate 40gbit mtu 2000", () => {
  const options = optionsOf(
    encode({ kind: "tbf", rate: 8e6, burst: 10_000, limit: 20_000, peak: { rate: 40e9, burst: 2000 } }),
  );
  assertAttribute(
    options,
    1, // TCA_TBF_PARMS
    `03 01 0000 ffff 0000 40420f00 # rate 1000000 bytes/s
     03 01 0000 ffff 0000 ffffffff # peak rate: the 32-bit field is full
     204e0000                      # limit 20000
     5a620200                      # buffer 156250 ticks of 64 ns: 10 ms
     06000000                      # mtu: 6 ticks, 400 ns`,
  );
  assertAttribute(options, 5, "00f2052a01000000"); // TCA_TBF_PRATE64 5000000000 bytes/s
  assertAttribute(options, 7, "d0070000"); // TCA_TBF_PBURST 2000
});

test("tc qdisc add dev LINK4 root handle 1: htb default 10 r2q 20 offload", () => {
  const options = optionsOf(encode({ kind: "htb", default: 0x10, rateToQuantum: 20, isOffloaded: true }));
  assertAttribute(options, 2, "03000000 14000000 10000000 00000000 00000000"); // TCA_HTB_INIT: version 3, r2q 20
  assertAttribute(options, 9, ""); // TCA_HTB_OFFLOAD
  assert.ok(options.has(9));
});

test("pfifo_fast tells its map of priorities and takes none", () => {
  const qopt = "03000000 01020202 01020000 01010101 01010101"; // struct tc_prio_qopt: 3 bands
  const raw = Buffer.from(bytesOf(qopt)).toString("hex");
  const reported = encode({ kind: "unknown", name: "pfifo_fast", raw });
  const { spec } = decodeQdisc(messageOf(reported)) ?? {};
  const priorityBands = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
  assert.deepEqual(spec, { ...place, kind: "pfifo_fast", priorityBands });
  assertBytes(encode(spec ?? {}), Buffer.from(encode({ kind: "pfifo_fast" })).toString("hex"));
});

for (const kind of ["mq", "noqueue"] as const) {
  test(`${kind} takes no options`, () => {
    const request = encode({ kind });
    assert.equal(decodeQdisc(messageOf(request))?.spec.kind, kind);
    // 16 bytes of message header, struct tcmsg, TCA_KIND.
    assert.equal(request.length, 16 + 20 + (kind === "mq" ? 8 : 12));
  });
}

for (const [options, complaint] of [
  [{ kind: "fq", limit: 2 ** 32 }, /limit of qdisc fq: 4294967296 is not usable; expected a whole number/],
  [{ kind: "fq", maxRate: 40e9 }, /maxRate of qdisc fq: 40000000000 .* per second from 1 to 34359738352/],
  // The largest number of the field is no limit at all.
  [{ kind: "fq", maxRate: 0xffff_ffff * 8 }, /maxRate of qdisc fq: 34359738360/],
  [{ kind: "fq", maxRate: 0 }, /maxRate of qdisc fq: 0/],
  [{ kind: "fq", maxRate: -8e6 }, /maxRate of qdisc fq: -8000000/],
  [{ kind: "fq", lowRateThreshold: -1 }, /lowRateThreshold of qdisc fq: -1 .* from 0 to 34359738360/],
  [{ kind: "fq", beyondHorizon: "leave" as "cap" }, /beyondHorizon of qdisc fq: "leave"/],
  [{ kind: "fq", isPacing: "no" as unknown as boolean }, /isPacing of qdisc fq: "no"/],
  [
    { kind: "tbf", rate: 8e6, burst: 1e4, limit: 1e4, peak: { rate: Number.POSITIVE_INFINITY, burst: 2000 } },
    /peak.rate of qdisc tbf/,
  ],
  [{ kind: "tbf", rate: 1e30, burst: 1e4, limit: 1e4 }, /rate of qdisc tbf: 1e\+30/],
  [{ kind: "fq", buckets: 1000 }, /buckets of qdisc fq: 1000 is not usable; expected a power of two/],
  [{ kind: "fq", priorityBands: [0] }, /expected 16 bands/],
  [{ kind: "fq", priorityBands: Array(16).fill(3) }, /priorityBands of qdisc fq: 3 .* from 0 to 2/],
  [{ kind: "fq", bandWeights: [1, 2, 3] }, /bandWeights of qdisc fq: 1 .* from 16384/],
  [
    { kind: "tbf", rate: 8e6, burst: 1e4, limit: 1e4, peak: { rate: 8e6, burst: 2000 } },
    /more than the rate/,
  ],
  [
    { kind: "tbf", rate: 0, burst: 1e4, limit: 1e4 },
    /rate of qdisc tbf: 0 is not usable; expected a number above 0/,
  ],
  [{ kind: "tbf", rate: 8e6, burst: 0.5, limit: 1e4 }, /burst of qdisc tbf: 0.5/],
  [{ kind: "bfifo", limit: -1 }, /limit of qdisc bfifo: -1/],
  [{ kind: "htb", default: 0x10000 }, /default of qdisc htb: 65536 .* from 0 to 65535/],
] as const) {
  test(`${JSON.stringify(options)} is refused`, () => {
    assert.throws(() => encode(options), complaint);
  });
}
