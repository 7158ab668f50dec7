import assert from "node:assert/strict";
import test from "node:test";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../../../../src/linux/netlink/message.ts";
import { decodeQdisc, encodeQdisc, type QdiscSpec } from "../../../../src/linux/route/tc/qdisc.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { assertAttribute, assertBytes, bytesOf, messageOf, optionsOf } from "./bytes.ts";

// Golden bytes: what iproute2 6.1 sends for the command in the test's name, the sequence number set to 0.
const REPLACE = NLM_F_CREATE | NLM_F_REPLACE;
const ADD = NLM_F_CREATE | NLM_F_EXCL;

test("tc qdisc replace dev LINK3 root handle 1: htb default 10 direct_qlen 100", () => {
  const spec: QdiscSpec = {
    link: 3,
    parent: "root",
    handle: tcHandle(1),
    kind: "htb",
    default: 0x10,
    directQueueLength: 100,
  };
  assertBytes(
    encodeQdisc(spec, REPLACE),
    `50000000 2400 0505 00000000 00000000          # 80 bytes, RTM_NEWQDISC, request, ack, replace, create
     00000000 03000000 00000100 ffffffff 00000000  # link 3, handle 1:, parent root
     0800 0100 68746200                            # TCA_KIND "htb"
     2400 0200                                     # TCA_OPTIONS
       1800 0200 03000000 0a000000 10000000 00000000 00000000 # TCA_HTB_INIT: version 3, r2q 10, default 0x10
       0800 0500 64000000                          # TCA_HTB_DIRECT_QLEN 100`,
  );
});

test("tc qdisc replace dev LINK3 parent 1:10 handle 10: bfifo limit 200000", () => {
  const spec: QdiscSpec = {
    link: 3,
    parent: tcHandle(1, 0x10),
    handle: tcHandle(0x10),
    kind: "bfifo",
    limit: 200_000,
  };
  assertBytes(
    encodeQdisc(spec, REPLACE),
    `38000000 2400 0505 00000000 00000000
     00000000 03000000 00001000 10000100 00000000  # handle 10:, parent 1:10
     0a00 0100 626669666f00 0000                   # TCA_KIND "bfifo", padded to 4
     0800 0200 400d0300                            # TCA_OPTIONS: 200000 bytes`,
  );
});

test("tc qdisc replace dev LINK3 parent 1:10 handle 10: pfifo limit 100", () => {
  const spec: QdiscSpec = { link: 3, parent: 0x10010, handle: 0x100000, kind: "pfifo", limit: 100 };
  assertBytes(
    encodeQdisc(spec, REPLACE),
    `38000000 2400 0505 00000000 00000000
     00000000 03000000 00001000 10000100 00000000
     0a00 0100 706669666f00 0000                   # TCA_KIND "pfifo"
     0800 0200 64000000                            # TCA_OPTIONS: 100 packets`,
  );
});

test("tc qdisc replace dev LINK4 root handle 1: tbf rate 30mbit burst 37500 limit 131072", () => {
  const spec: QdiscSpec = {
    link: 4,
    parent: "root",
    handle: tcHandle(1),
    kind: "tbf",
    rate: 30e6,
    burst: 37_500,
    limit: 131_072,
  };
  const options = optionsOf(encodeQdisc(spec, REPLACE));
  assertAttribute(
    options,
    1, // TCA_TBF_PARMS
    `03 01 0000 ffff 0000 70383900 # rate 3750000 bytes/s
     00 00 0000 0000 0000 00000000 # no peak rate
     00000200                      # limit 131072
     5a620200                      # buffer 156250 ticks of 64 ns: 10 ms
     00000000                      # mtu of the peak rate`,
  );
  assertAttribute(options, 6, "7c920000"); // TCA_TBF_BURST 37500
  // iproute2 also sends TCA_TBF_RTAB, which the kernel ignores when the link layer is Ethernet.
  assert.deepEqual(
    [...options.entries()].map(({ type }) => type),
    [1, 6],
  );
});

test("tc qdisc replace dev LINK4 root handle 1: tbf rate 40gbit burst 50000000 limit 125000000", () => {
  const place = { link: 4, parent: "root", handle: tcHandle(1) } as const;
  const spec: QdiscSpec = { ...place, kind: "tbf", rate: 40e9, burst: 50_000_000, limit: 125_000_000 };
  const options = optionsOf(encodeQdisc(spec, REPLACE));
  const parms = options.bytes(1) as Uint8Array;
  assertBytes(parms.subarray(0, 12), "03 01 0000 ffff 0000 ffffffff"); // the 32-bit field is full
  assertBytes(parms.subarray(24, 28), "40597307");
  assertAttribute(options, 6, "80f0fa02"); // TCA_TBF_BURST 50000000
  assertAttribute(options, 4, "00f2052a01000000"); // TCA_TBF_RATE64 5000000000 bytes/s
});

test("tc qdisc replace dev LINK4 root handle 1: fq_codel limit 1000 memory_limit 131072 target 5ms interval 100ms ecn", () => {
  const spec: QdiscSpec = {
    link: 4,
    parent: "root",
    handle: tcHandle(1),
    kind: "fq_codel",
    limit: 1000,
    memoryLimit: 131_072,
    target: 5000,
    interval: 100_000,
    ecn: true,
  };
  assertBytes(
    encodeQdisc(spec, REPLACE),
    `60000000 2400 0505 00000000 00000000
     00000000 04000000 00000100 ffffffff 00000000
     0d00 0100 66715f636f64656c00 000000           # TCA_KIND "fq_codel"
     2c00 0200                                     # TCA_OPTIONS
       0800 0200 e8030000                          # TCA_FQ_CODEL_LIMIT 1000 packets
       0800 0300 a0860100                          # TCA_FQ_CODEL_INTERVAL 100000 us
       0800 0100 88130000                          # TCA_FQ_CODEL_TARGET 5000 us
       0800 0400 01000000                          # TCA_FQ_CODEL_ECN
       0800 0900 00000200                          # TCA_FQ_CODEL_MEMORY_LIMIT 131072 bytes`,
  );
});

for (const [kind, name] of [
  ["ingress", "0c00 0100 696e677265737300"],
  ["clsact", "0b00 0100 636c7361637400 00"],
] as const) {
  test(`tc qdisc add dev LINK3 ${kind}`, () => {
    assertBytes(
      encodeQdisc({ link: 3, parent: kind, kind }, ADD),
      `30000000 2400 0506 00000000 00000000          # request, ack, excl, create
       00000000 03000000 0000ffff f1ffffff 00000000  # handle ffff:, parent ffff:fff1
       ${name}`,
    );
  });
}

const place = { link: 9, parent: "root", handle: tcHandle(1) } as const;
const specs: QdiscSpec[] = [
  { ...place, kind: "htb", default: 0x10 },
  { ...place, kind: "htb", default: 0, directQueueLength: 1000 },
  { ...place, kind: "tbf", rate: 30e6, burst: 37_500, limit: 131_072 },
  { ...place, kind: "tbf", rate: 100e9, burst: 125_000_000, limit: 312_500_000 },
  { ...place, kind: "pfifo", limit: 1000 },
  { ...place, kind: "bfifo", limit: 131_072 },
  { ...place, kind: "fq_codel", limit: 1, memoryLimit: 2, target: 3, interval: 4, ecn: false },
  { link: 9, parent: "ingress", handle: 0xffff0000, kind: "ingress" },
  { link: 9, parent: "clsact", handle: 0xffff0000, kind: "clsact" },
  { ...place, kind: "unknown", name: "multiq" },
  { ...place, kind: "unknown", name: "sfq", raw: "0102030405060708" },
];
for (const spec of specs) {
  const name = spec.kind === "unknown" ? `the unknown ${spec.name}` : spec.kind;
  test(`${name} is read as it was written (${JSON.stringify(spec).length} characters of JSON)`, () => {
    assert.deepEqual(decodeQdisc(messageOf(encodeQdisc(spec, REPLACE)))?.spec, spec);
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
  });
}

test("options its codec does not understand make a known kind an unknown one", () => {
  const request = encodeQdisc({ ...place, kind: "unknown", name: "htb", raw: "08000900aabbccdd" }, REPLACE);
  assert.deepEqual(decodeQdisc(messageOf(request))?.spec, {
    ...place,
    kind: "unknown",
    name: "htb",
    raw: "08000900aabbccdd",
  });
});

test("a damaged message is no qdisc", () => {
  const message = messageOf(encodeQdisc(specs[0] as QdiscSpec, REPLACE));
  assert.equal(decodeQdisc({ ...message, payload: bytesOf("0000") }), undefined);
  assert.equal(decodeQdisc({ ...message, payload: message.payload.subarray(0, 20) }), undefined);
});
