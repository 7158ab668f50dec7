import assert from "node:assert/strict";
import test from "node:test";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../../../src/linux/netlink/message.ts";
import { decodeFilter, encodeFilter, type FilterSpec } from "../../../../src/linux/route/tc/filter.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { assertAttribute, assertBytes, bytesOf, messageOf, optionsOf } from "./bytes.ts";

// Golden bytes: what iproute2 6.1 sends for the command in the test's name, the sequence number set to 0.
const ADD = NLM_F_CREATE | NLM_F_EXCL;
const place = { link: 3, parent: "ingress", priority: 1, protocol: "all" } as const;

const mirred = (action: string, eaction: string) => `
  3400 0100                                     # the first action
    0b00 0100 6d697272656400 00                 # TCA_ACT_KIND "mirred"
    2400 0280                                   # TCA_ACT_OPTIONS, nested
      2000 0200 00000000 00000000 ${action}     # TCA_MIRRED_PARMS: index, capab, action
                00000000 00000000 ${eaction} 04000000 # refcnt, bindcnt, eaction, link 4
`;

test("tc filter add dev LINK3 ingress protocol all prio 1 handle 800::800 u32 match u32 0 0 action mirred egress redirect dev LINK4", () => {
  const spec: FilterSpec = {
    ...place,
    handle: 0x80000800,
    kind: "u32",
    keys: [],
    actions: [{ kind: "mirred", mode: "redirect", direction: "egress", link: 4 }],
  };
  assertBytes(
    encodeFilter(spec, ADD),
    `8c000000 2c00 0506 00000000 00000000          # 140 bytes, RTM_NEWTFILTER, request, ack, excl, create
     00000000 03000000 00080080 f2ffffff 00030100  # handle 800::800, parent ffff:fff2, priority 1, all protocols
     0800 0100 75333200                            # TCA_KIND "u32"
     6000 0200                                     # TCA_OPTIONS
       3800 0700                                   # TCA_U32_ACT
         ${mirred("04000000", "01000000")}         # stolen; redirect to egress
       2400 0500 01 00 01 00 0000 0000 0000 0000 00000000 # TCA_U32_SEL: terminal, one key
         00000000 00000000 00000000 00000000       # mask, value, offset, offset mask`,
  );
});

test("tc filter add dev LINK3 egress protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev LINK4", () => {
  const spec: FilterSpec = {
    ...place,
    parent: "egress",
    kind: "u32",
    keys: [],
    actions: [{ kind: "mirred", mode: "mirror", direction: "egress", link: 4 }],
  };
  assertBytes(
    encodeFilter(spec, ADD),
    `8c000000 2c00 0506 00000000 00000000
     00000000 03000000 00000000 f3ffffff 00030100  # parent ffff:fff3
     0800 0100 75333200
     6000 0200
       3800 0700
         ${mirred("03000000", "02000000")}         # go on; mirror to egress
       2400 0500 01 00 01 00 0000 0000 0000 0000 00000000
         00000000 00000000 00000000 00000000`,
  );
});

test("tc filter add dev LINK3 ingress protocol ip prio 2 u32 match ip dst 10.0.0.7/32 match ip protocol 6 0xff flowid 1:10", () => {
  const spec: FilterSpec = {
    link: 3,
    parent: "ingress",
    priority: 2,
    protocol: 0x0800,
    kind: "u32",
    keys: [
      { offset: 16, value: 0x0a000007, mask: 0xffffffff },
      { offset: 8, value: 0x00060000, mask: 0x00ff0000 },
    ],
    classId: tcHandle(1, 0x10),
    actions: [],
  };
  assertBytes(
    encodeFilter(spec, ADD),
    `6c000000 2c00 0506 00000000 00000000
     00000000 03000000 00000000 f2ffffff 08000200  # priority 2, protocol 0x0800 in network order
     0800 0100 75333200
     4000 0200
       0800 0100 10000100                          # TCA_U32_CLASSID 1:10
       3400 0500 01 00 02 00 0000 0000 0000 0000 00000000 # TCA_U32_SEL: terminal, two keys
         ffffffff 0a000007 10000000 00000000       # destination 10.0.0.7 at byte 16
         00ff0000 00060000 08000000 00000000       # protocol 6 at byte 9`,
  );
});

test("tc filter add dev LINK3 ingress protocol all prio 1 matchall action mirred egress redirect dev LINK4", () => {
  const spec: FilterSpec = {
    ...place,
    kind: "matchall",
    actions: [{ kind: "mirred", mode: "redirect", direction: "egress", link: 4 }],
  };
  assertBytes(
    encodeFilter(spec, ADD),
    `70000000 2c00 0506 00000000 00000000
     00000000 03000000 00000000 f2ffffff 00030100
     0d00 0100 6d61746368616c6c00 000000           # TCA_KIND "matchall"
     3c00 0200                                     # TCA_OPTIONS
       3800 0200                                   # TCA_MATCHALL_ACT
         ${mirred("04000000", "01000000")}`,
  );
});

const policed = (rate: number, burst: number): FilterSpec => ({
  ...place,
  handle: 1,
  kind: "matchall",
  actions: [{ kind: "police", rate, burst, mtu: 65_536 }],
});

test("tc filter add dev LINK3 ingress protocol all prio 1 handle 1 matchall action police rate 30mbit burst 37500 mtu 65536 conform-exceed drop", () => {
  const request = encodeFilter(policed(30e6, 37_500), ADD);
  assertBytes(
    request.subarray(0, 116),
    `90040000 2c00 0506 00000000 00000000          # 1168 bytes
     00000000 03000000 01000000 f2ffffff 00030100
     0d00 0100 6d61746368616c6c00 000000
     5c04 0200                                     # TCA_OPTIONS
       5804 0200                                   # TCA_MATCHALL_ACT
         5404 0100                                 # the first action
           0b00 0100 706f6c69636500 00             # TCA_ACT_KIND "police"
           4404 0280                               # TCA_ACT_OPTIONS, nested
             3c00 0100 00000000 02000000 00000000  # TCA_POLICE_TBF: index, action "drop", limit
               5a620200 00000100                   # burst 156250 ticks of 64 ns, mtu 65536
               09 01 0000 ffff 0000 70383900`, // cells of 2^9 bytes, Ethernet, 3750000 bytes/s
  );
  // No peak rate, refcnt, bindcnt and capab follow, then TCA_POLICE_RATE: its 256 numbers, which iproute2 fills
  // and the kernel wants and does not read, are 0 here.
  assertBytes(request.subarray(116, 144), `${"00".repeat(24)} 04040200`);
  assert.equal(request.length, 144 + 4 * 256);
});

test("a policer above 2^32-1 bytes per second has a 64-bit rate", () => {
  const request = encodeFilter(policed(40e9, 50_000_000), ADD);
  assertBytes(request.subarray(-12), "0c00 0800 00f2052a01000000"); // TCA_POLICE_RATE64 5000000000 bytes/s
});

const specs: FilterSpec[] = [
  policed(30e6, 37_500),
  policed(40e9, 50_000_000),
  {
    ...place,
    handle: 0x80000800,
    kind: "u32",
    keys: [{ offset: -14, value: 1, mask: 0xffffffff }],
    actions: [
      { kind: "mirred", mode: "mirror", direction: "ingress", link: 4 },
      { kind: "police", rate: 1e6, burst: 65_536, mtu: 65_536 },
      { kind: "mirred", mode: "redirect", direction: "ingress", link: 5 },
    ],
  },
  { ...place, protocol: 0x86dd, handle: 0x80000801, kind: "u32", keys: [], classId: 0x10010, actions: [] },
  { ...place, handle: 1, kind: "matchall", classId: 0x10010, actions: [] },
  {
    ...place,
    handle: 7,
    kind: "matchall",
    actions: [{ kind: "unknown", name: "gact", raw: "0800020000000000" }],
  },
  { ...place, handle: 1, kind: "unknown", name: "bpf", raw: "0800080001000000" },
];
for (const [number, spec] of specs.entries()) {
  test(`filter ${number} (${spec.kind}) is read as it was written`, () => {
    assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, ADD)))?.spec, spec);
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
  });
}

test("what the kernel lists besides filters is left out", () => {
  const list = { ...place, kind: "unknown", name: "u32" } as const; // handle 0: the list of one priority
  assert.equal(decodeFilter(messageOf(encodeFilter(list, 0))), undefined);
  const table = { ...list, handle: 0x80000000, raw: "0800040001000000" }; // 800:, TCA_U32_DIVISOR 1
  assert.equal(decodeFilter(messageOf(encodeFilter(table, 0))), undefined);
});

test("a filter's statistics are its first action's", () => {
  const raw = Buffer.from(
    bytesOf(`
      2c00 0700                                       # TCA_U32_ACT
        2800 0100                                     # the first action
          0a00 0100 67616374 0000 0000                # TCA_ACT_KIND "gact", padded to 4
          1800 0400                                   # TCA_ACT_STATS
            1400 0100 e803000000000000 0700000000000000 # TCA_STATS_BASIC: 1000 bytes, 7 packets`),
  ).toString("hex");
  const spec: FilterSpec = { ...place, handle: 0x80000800, kind: "unknown", name: "u32", raw };
  const { statistics } = decodeFilter(messageOf(encodeFilter(spec, 0))) ?? {};
  assert.deepEqual([statistics?.bytes, statistics?.packets], [1000, 7]);
});

for (const [what, options] of [
  ["goes on in another table", "0800 0300 00000180"], // TCA_U32_LINK 801:
  ["looks at the mark", "1000 0a00 05000000 ff000000 00000000"], // TCA_U32_MARK
  ["looks at the link of arrival", "0900 0800 6e65743100 000000"], // TCA_U32_INDEV "net1"
] as const) {
  test(`a u32 filter that ${what} is kept as it came`, () => {
    const selector = `2400 0500 01 00 01 00 0000 0000 0000 0000 00000000 ${"ff".repeat(4)} ${"00".repeat(12)}`;
    const raw = Buffer.from(bytesOf(`${selector} ${options}`)).toString("hex");
    const spec: FilterSpec = { ...place, handle: 0x80000800, kind: "unknown", name: "u32", raw };
    assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, 0)))?.spec, spec);
  });
}

for (const [what, flags, offsetMask] of [
  ["with flags of another kind", "05", "00000000"], // TC_U32_TERMINAL and TC_U32_VAROFFSET
  ["that does not end where it matches", "00", "00000000"],
  ["behind a header of any length", "01", "ffffffff"],
] as const) {
  test(`a u32 selector ${what} is kept as it came`, () => {
    const selector = `2400 0500 ${flags} 00 01 00 0000 0000 0000 0000 00000000`;
    const key = `ffffffff 00000050 00000000 ${offsetMask}`;
    const raw = Buffer.from(bytesOf(`${selector} ${key}`)).toString("hex");
    const spec: FilterSpec = { ...place, handle: 0x80000800, kind: "unknown", name: "u32", raw };
    assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, 0)))?.spec, spec);
  });
}

const key = { offset: 0, value: 0, mask: 1 };
const nothing = { kind: "matchall", actions: [] } as const;
for (const [spec, refused] of [
  // Their number has eight bits: 256 keys would be none, which matches everything.
  [{ kind: "u32", keys: Array(256).fill(key), actions: [] }, "keys of filter u32"],
  [{ kind: "u32", keys: [{ ...key, mask: 2 ** 32 }], actions: [] }, "mask of a key of filter u32"],
  [{ kind: "u32", keys: [{ ...key, value: -1 }], actions: [] }, "value of a key of filter u32"],
  [{ kind: "u32", keys: [{ ...key, offset: 2 ** 31 }], actions: [] }, "offset of a key of filter u32"],
  [{ kind: "u32", keys: [], classId: 2 ** 32, actions: [] }, "classId of filter u32"],
  [{ ...nothing, classId: -1 }, "classId of filter matchall"],
  [{ kind: "flower", match: {}, classId: 0.5, actions: [] }, "classId of filter flower"],
  [{ kind: "bpf", program: { fd: 5 }, classId: -1, actions: [] }, "classId of filter bpf"],
  [{ kind: "bpf", program: { fd: -1 }, actions: [] }, "program.fd of filter bpf"],
  [{ ...nothing, runsIn: "card" as "hardware" }, "runsIn of a filter"],
  [{ ...nothing, link: -1 }, "link of a tc object"],
  [{ ...nothing, handle: 2 ** 32 }, "handle of a tc object"],
  [{ ...nothing, parent: -1 }, "parent of a tc object"],
  [{ ...nothing, priority: 65_536 }, "priority of a filter"],
  [{ ...nothing, protocol: 65_536 }, "protocol of a filter"],
  [{ kind: "fw" as "matchall", actions: [] }, "kind of a tc object"],
  [{ kind: "toString" as "matchall", actions: [] }, "kind of a tc object"],
  [{ kind: "unknown", name: "fw", raw: "0x00" }, "raw of fw"],
  [{ kind: "unknown", name: "fw", raw: "000" }, "raw of fw"],
] as const satisfies readonly (readonly [Partial<FilterSpec>, string])[]) {
  const said = JSON.stringify(spec);
  test(`a filter is refused for the ${refused}: ${said.slice(0, 80)}`, () => {
    const wrong = { ...place, ...spec } as FilterSpec;
    assert.throws(() => encodeFilter(wrong, ADD), { code: "invalid", place: refused });
  });
}

test("a filter that is kept as it came is told back without the flags by which the kernel says where it runs", () => {
  // TCA_MATCHALL_FLAGS: TCA_CLS_FLAGS_SKIP_HW and TCA_CLS_FLAGS_NOT_IN_HW; and a number of another filter's.
  const raw = "0800030009000000" + "08000b0009000000";
  const spec: FilterSpec = { ...place, handle: 1, kind: "unknown", name: "matchall", raw };
  const options = optionsOf(encodeFilter(spec, ADD));
  assertAttribute(options, 3, "01000000");
  assertAttribute(options, 11, "09000000");
});
