import assert from "node:assert/strict";
import test from "node:test";
import { NLM_F_CREATE } from "../../../../src/linux/netlink/message.ts";
import { type ClassSpec, decodeClass, encodeClass } from "../../../../src/linux/route/tc/class.ts";
import { kindName } from "../../../../src/linux/route/tc/kind.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { assertAttribute, assertBytes, messageOf, optionsOf } from "./bytes.ts";

// Golden bytes: what iproute2 6.1 sends for the command in the test's name. It also sends the two rate tables
// TCA_HTB_RTAB and TCA_HTB_CTAB, which the kernel ignores when the link layer is Ethernet.

test("tc class replace dev LINK3 parent 1: classid 1:10 htb rate 50mbit ceil 100mbit burst 62500 cburst 125000 prio 3 quantum 3028", () => {
  const request = encodeClass(
    {
      link: 3,
      parent: tcHandle(1),
      handle: tcHandle(1, 0x10),
      kind: "htb",
      rate: 50e6,
      ceil: 100e6,
      burst: 62_500,
      cburst: 125_000,
      prio: 3,
      quantum: 3028,
    },
    NLM_F_CREATE,
  );
  assertBytes(request.subarray(4, 8), "2800 0504"); // RTM_NEWTCLASS; request, ack, create
  assertBytes(
    request.subarray(16, 44),
    `00000000 03000000 10000100 00000100 00000000 # link 3, handle 1:10, parent 1:
     0800 0100 68746200                           # TCA_KIND "htb"`,
  );
  assertAttribute(
    optionsOf(request),
    1, // TCA_HTB_PARMS
    `03 01 0000 ffff 0000 105e5f00  # rate 6250000 bytes/s
     03 01 0000 ffff 0000 20bcbe00  # ceil 12500000 bytes/s
     5a620200                       # buffer 156250 ticks of 64 ns: 10 ms
     5a620200                       # cbuffer: 10 ms
     d40b0000                       # quantum 3028
     00000000                       # level, told by the kernel
     03000000                       # prio`,
  );
});

test("tc class replace dev LINK3 parent 1: classid 1:11 htb rate 40gbit ceil 100gbit burst 50000000 cburst 125000000 prio 3 quantum 60000", () => {
  const options = optionsOf(
    encodeClass(
      {
        link: 3,
        parent: tcHandle(1),
        handle: tcHandle(1, 0x11),
        kind: "htb",
        rate: 40e9,
        ceil: 100e9,
        burst: 50_000_000,
        cburst: 125_000_000,
        prio: 3,
        quantum: 60_000,
      },
      NLM_F_CREATE,
    ),
  );
  assertAttribute(options, 6, "00f2052a01000000"); // TCA_HTB_RATE64: 5000000000 bytes/s
  assertAttribute(options, 7, "00dd0ee902000000"); // TCA_HTB_CEIL64: 12500000000 bytes/s
});

const place = { link: 9, parent: "root", handle: tcHandle(1, 0x10) } as const;
const specs: ClassSpec[] = [
  { ...place, kind: "htb", rate: 1e6, ceil: 1e6, burst: 3000, cburst: 3000, prio: 7, quantum: 3000 },
  {
    ...place,
    parent: tcHandle(1, 1),
    kind: "htb",
    rate: 40e9,
    ceil: 100e9,
    burst: 50_000_000,
    cburst: 125_000_000,
    prio: 0,
    quantum: 65_536,
  },
  { ...place, kind: "mq" },
  { ...place, kind: "unknown", name: "drr", raw: "0800010000100000" },
];
for (const spec of specs) {
  const name =
    spec.kind === "htb" ? `a class of ${spec.rate} bits per second` : `a class of ${kindName(spec)}`;
  test(`${name} is read as it was written`, () => {
    assert.deepEqual(decodeClass(messageOf(encodeClass(spec, NLM_F_CREATE)))?.spec, spec);
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
  });
}
