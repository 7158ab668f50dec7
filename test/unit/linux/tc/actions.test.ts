import assert from "node:assert/strict";
import test from "node:test";
import { AttributeReader, AttributeWriter } from "../../../../src/linux/netlink/attribute.ts";
import { readActions, type TcAction, writeActions } from "../../../../src/linux/route/tc/action.ts";
import { decodeFilter, encodeFilter, type FilterSpec } from "../../../../src/linux/route/tc/filter.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { decodeVerdict, encodeVerdict, type Verdict } from "../../../../src/linux/route/tc/verdict.ts";
import { assertAttribute, assertBytes, bytesOf, messageOf } from "./bytes.ts";

const TCA_ACT_OPTIONS = 2;

/** The list of actions as it is written under some attribute. */
function write(actions: readonly TcAction[]): Uint8Array {
  const writer = new AttributeWriter();
  writeActions(writer, 7, actions);
  return new AttributeReader(writer.finish()).bytes(7) ?? new Uint8Array();
}

/** The options of the only action. */
function optionsOf(action: TcAction): AttributeReader {
  const options = new AttributeReader(write([action])).nested(1)?.nested(TCA_ACT_OPTIONS);
  assert.ok(options);
  return options;
}

test("tc ... action gact goto chain 5", () => {
  assertBytes(
    write([{ kind: "gact", verdict: { chain: 5 } }]),
    `2c00 0100                                            # the first action
       0900 0100 6761637400 000000                        # TCA_ACT_KIND "gact"
       1c00 0280                                          # TCA_ACT_OPTIONS, nested
         1800 0200 00000000 00000000 05000020 00000000 00000000 # TCA_GACT_PARMS: index, capab, action, refcnt, bindcnt`,
  );
});

for (const [verdict, code] of [
  ["continue", -1],
  ["ok", 0],
  ["reclassify", 1],
  ["drop", 2],
  ["pipe", 3],
  ["stolen", 4],
  ["trap", 8],
  [{ chain: 0 }, 0x20000000],
  [{ chain: 0x0fffffff }, 0x2fffffff],
] as const satisfies readonly (readonly [Verdict, number])[]) {
  test(`the verdict ${JSON.stringify(verdict)} is ${code}`, () => {
    assert.equal(encodeVerdict(verdict), code);
    assert.deepEqual(decodeVerdict(code), verdict);
  });
}

test("other verdicts are none of ours", () => {
  // TC_ACT_QUEUED, TC_ACT_REPEAT, TC_ACT_REDIRECT, TC_ACT_JUMP, and what means nothing.
  for (const code of [5, 6, 7, 0x10000001, 0x30000000, -2]) assert.equal(decodeVerdict(code), undefined);
  assert.throws(() => encodeVerdict({ chain: 0x10000000 }), /chain to go to: 268435456 is not usable/);
});

test("tc ... action skbedit queue_mapping 3 priority 1:10 mark 0x5/0xff ptype multicast inheritdsfield", () => {
  const options = optionsOf({
    kind: "skbedit",
    priority: tcHandle(1, 0x10),
    mark: 5,
    markMask: 0xff,
    queueMapping: 3,
    packetType: "multicast",
    inheritsDsField: true,
  });
  assertAttribute(options, 2, "00000000 00000000 03000000 00000000 00000000"); // TCA_SKBEDIT_PARMS: pipe
  assertAttribute(options, 3, "10000100"); // TCA_SKBEDIT_PRIORITY
  assertAttribute(options, 4, "0300"); // TCA_SKBEDIT_QUEUE_MAPPING
  assertAttribute(options, 5, "05000000"); // TCA_SKBEDIT_MARK
  assertAttribute(options, 7, "0200"); // TCA_SKBEDIT_PTYPE: PACKET_MULTICAST
  assertAttribute(options, 8, "ff000000"); // TCA_SKBEDIT_MASK
  assertAttribute(options, 9, "2000000000000000"); // TCA_SKBEDIT_FLAGS: SKBEDIT_F_INHERITDSFIELD
});

test("tc ... action police pkts_rate 1000 pkts_burst 100 conform-exceed reclassify/pipe", () => {
  const options = optionsOf({
    kind: "police",
    packetRate: 1000,
    packetBurst: 100,
    exceed: "reclassify",
    conform: "pipe",
  });
  const parms = options.bytes(1) ?? new Uint8Array(); // TCA_POLICE_TBF
  assertBytes(parms.subarray(0, 8), "00000000 01000000"); // index, action: TC_ACT_RECLASSIFY
  assert.ok(parms.length === 56 && parms.subarray(8).every((byte) => byte === 0));
  assertAttribute(options, 5, "03000000"); // TCA_POLICE_RESULT: TC_ACT_PIPE
  assertAttribute(options, 10, "e803000000000000"); // TCA_POLICE_PKTRATE64
  assertAttribute(options, 11, "84d7170000000000"); // TCA_POLICE_PKTBURST64: 1562500 ticks of 64 ns, 100 ms
  assert.equal(options.has(2), false); // TCA_POLICE_RATE: no table without a rate in bytes
});

const both: readonly TcAction[] = [
  { kind: "police", packetRate: 1, packetBurst: 1000 },
  { kind: "police", rate: 100e9, burst: 125_000_000, mtu: 9000, exceed: { chain: 3 }, conform: "continue" },
  { kind: "skbedit", mark: 1, verdict: "ok" },
  { kind: "skbedit", priority: 0 },
  { kind: "gact", verdict: "trap" },
];
for (const [position, action] of both.entries()) {
  test(`action ${position} (${action.kind}) is read as it was written`, () => {
    assert.deepEqual(readActions(write([action])), [action]);
    assert.deepEqual(JSON.parse(JSON.stringify(action)), action);
  });
}

for (const [what, name, raw] of [
  [
    "a gact that decides by chance",
    "gact",
    `1800 0200 00000000 00000000 00000000 00000000 00000000
     0c00 0300 0100 0a00 02000000 # TCA_GACT_PROB: by chance, one in ten, drop`,
  ],
  [
    "an skbedit that chooses a queue by the packet's hash",
    "skbedit",
    `1800 0200 00000000 00000000 03000000 00000000 00000000
     0600 0400 0100 0000          # TCA_SKBEDIT_QUEUE_MAPPING
     0c00 0900 4000000000000000   # TCA_SKBEDIT_FLAGS: SKBEDIT_F_TXQ_SKBHASH`,
  ],
  [
    "a policer by an estimated rate",
    "police",
    `3c00 0100 00000000 02000000 00000000 00000000 00000000
     03010000ffff0000 40420f00    # rate
     0000000000000000 00000000    # no peak rate
     00000000 00000000 00000000
     0800 0400 40420f00           # TCA_POLICE_AVRATE`,
  ],
  [
    "a mirred that drops what it has copied",
    "mirred",
    `2000 0200 00000000 00000000 02000000 00000000 00000000 02000000 04000000`,
  ],
  [
    "a mirred to a shared block",
    "mirred",
    `2000 0200 00000000 00000000 03000000 00000000 00000000 02000000 00000000
     0800 0400 07000000           # TCA_MIRRED_BLOCKID`,
  ],
  [
    "a policer with a peak rate",
    "police",
    `3c00 0100 00000000 02000000 00000000 00000000 00000000
     03010000ffff0000 40420f00    # rate
     03010000ffff0000 80841e00    # peak rate
     00000000 00000000 00000000`,
  ],
] as const) {
  test(`${what} is kept as it came`, () => {
    const action: TcAction = { kind: "unknown", name, raw: Buffer.from(bytesOf(raw)).toString("hex") };
    assert.deepEqual(readActions(write([action])), [action]);
  });
}

test("every action of a filter has its own statistics", () => {
  const counted = (count: number) => `
    2800 0${count}00                                  # an action
      0a00 0100 67616374 0000 0000                    # TCA_ACT_KIND "gact"
      1800 0400                                       # TCA_ACT_STATS
        1400 0100 0000000000000000 0${count}00000000000000 # TCA_STATS_BASIC: so many packets`;
  const silent = "1000 0300 0a00 0100 67616374 0000 0000";
  const list = bytesOf(`6400 0700 ${silent} ${counted(1)} ${counted(2)}`);
  const spec: FilterSpec = {
    link: 3,
    parent: "ingress",
    priority: 1,
    protocol: "all",
    handle: 0x80000800,
    kind: "unknown",
    name: "u32",
    raw: Buffer.from(list).toString("hex"),
  };
  const found = decodeFilter(messageOf(encodeFilter(spec, 0)));
  assert.deepEqual(
    found?.actionStatistics.map(({ packets }) => packets),
    [0, 1, 2],
  );
  assert.equal(found?.statistics.packets, 0);
});

for (const [action, complaint] of [
  [{ kind: "police", rate: Number.NaN, burst: 1, mtu: 1 }, /rate of action police: null is not usable/],
  [{ kind: "police", rate: 1e6, burst: 2 ** 32, mtu: 1 }, /burst of action police: 4294967296/],
  [{ kind: "police", packetRate: 0, packetBurst: 1 }, /packetRate of action police: 0 .* from 1/],
  [{ kind: "gact", verdict: "dorp" as "drop" }, /verdict of an action: "dorp" .* one of continue, ok,/],
  [{ kind: "gact", verdict: "toString" as "drop" }, /verdict of an action: "toString"/],
  [
    { kind: "mirred", mode: "move" as "mirror", direction: "egress", link: 4 },
    /"move to egress" is not usable/,
  ],
  [{ kind: "mirred", mode: "mirror", direction: "egress", link: 2 ** 32 + 4 }, /link of action mirred/],
  [{ kind: "skbedit", packetType: "others" as "host" }, /packetType of action skbedit: "others"/],
  [{ kind: "police", rate: 1e30, burst: 1, mtu: 1 }, /rate of action police: 1e\+30 is not usable/],
  [{ kind: "skbedit", queueMapping: 65_536 }, /queueMapping of action skbedit: 65536/],
  [{ kind: "skbedit", markMask: 1 }, /mark of action skbedit is missing/],
] as const satisfies readonly (readonly [TcAction, RegExp])[]) {
  test(`${JSON.stringify(action)} is refused`, () => {
    assert.throws(() => write([action]), complaint);
  });
}

test("more actions than the kernel reads of a list are refused", () => {
  const actions = Array.from({ length: 33 }, (): TcAction => ({ kind: "gact", verdict: "pipe" }));
  assert.equal(readActions(write(actions.slice(1))).length, 32);
  assert.throws(() => write(actions), /actions of a filter: "33 actions" is not usable; expected at most 32/);
});
