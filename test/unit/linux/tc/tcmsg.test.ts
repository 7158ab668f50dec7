import assert from "node:assert/strict";
import test from "node:test";
import {
  decodeFilterParent,
  decodeParent,
  decodeTcmsg,
  encodeFilterParent,
  encodeParent,
  encodeTcmsg,
  formatHandle,
  tcHandle,
} from "../../../../src/linux/route/tc/tcmsg.ts";
import { assertBytes } from "./bytes.ts";

test("struct tcmsg is 20 bytes: family and padding, index, handle, parent, info", () => {
  const message = { link: 7, handle: 0x10010, parent: 0xffffffff, info: 0x10300 };
  assertBytes(encodeTcmsg(message), "00000000 07000000 10000100 ffffffff 00030100");
  assert.deepEqual(decodeTcmsg(encodeTcmsg(message)), message);
});

test("bytes too short for struct tcmsg are no tcmsg", () => {
  assert.equal(decodeTcmsg(new Uint8Array(19)), undefined);
});

for (const [text, number] of [
  ["1:", 0x10000],
  ["1:10", 0x10010],
  ["ffff:fff2", 0xfffffff2],
  ["root", 0xffffffff],
] as const) {
  test(`the handle ${text} reads as a person writes it`, () => {
    assert.equal(formatHandle(number), text);
  });
}

test("a handle is made of a major and a minor number", () => {
  assert.equal(tcHandle(1, 0x10), 0x10010);
  assert.equal(tcHandle(0xffff), 0xffff0000);
  // In 32 bits these would be other handles, 0: and 1:0.
  assert.throws(() => tcHandle(0x10000), { code: "invalid", place: "major of a handle" });
  assert.throws(() => tcHandle(1, 0x10000), { code: "invalid", place: "minor of a handle" });
});

test("a qdisc's parent goes to the kernel and back", () => {
  for (const [parent, kind] of [
    ["root", "htb"],
    ["ingress", "ingress"],
    ["clsact", "clsact"],
    [0x10010, "bfifo"],
  ] as const) {
    assert.equal(decodeParent(encodeParent(parent), kind), parent);
  }
});

test("a filter's parent goes to the kernel and back", () => {
  for (const parent of ["ingress", "egress", 0x10000] as const) {
    assert.equal(decodeFilterParent(encodeFilterParent(parent)), parent);
  }
});

test("the bare handle of the ingress qdisc means its hook", () => {
  assert.equal(decodeFilterParent(0xffff0000), "ingress");
});
