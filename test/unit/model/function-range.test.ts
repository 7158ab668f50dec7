import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNumbers, parsePfName, parseRootDevice } from "../../../src/model/function-range.ts";
import { parsePciAddress, parsePciId } from "../../../src/model/pci.ts";

test("a PF is named whole, or with the numbers of some of its functions", () => {
  for (const [written, pf, numbers] of [
    ["eth0", "eth0", undefined],
    ["ENS1F0#0", "ENS1F0", [[0, 0]]],
    [
      "eth0#0,2-7,9",
      "eth0",
      [
        [0, 0],
        [2, 7],
        [9, 9],
      ],
    ],
    ["enp134s0f0np0-renamed-by-udev#5-5", "enp134s0f0np0-renamed-by-udev", [[5, 5]]],
    ["p0#4294967295", "p0", [[4_294_967_295, 4_294_967_295]]],
  ] as const) {
    assert.deepEqual(parsePfName(written, "x"), { pf, numbers });
  }
});

test("a range that is none is told with what one looks like", () => {
  for (const written of ["eth0#", "eth0#a-b", "eth0#3-1", "eth0#0,", "eth0#0 - 3", "eth0#-1", "eth0#1#2"]) {
    assert.throws(() => parsePfName(written, "x"), {
      message:
        `x: "${written}" is not usable; expected the name of a PF, or some of its functions as eth0#0,2-7,9; ` +
        "the part behind # is numbers and ranges from 0, first before last, such as 0,2-7,9",
    });
  }
});

test("what can name no PF is refused", () => {
  for (const written of ["", "#0-3", "a/b", "a b#1", "x".repeat(128), 5, null, ["eth0"]]) {
    assert.throws(() => parsePfName(written, "x"), /expected the name of a PF/, String(written));
  }
  for (const written of ["eth0", "#0", "86:00.8", 5, null]) {
    assert.throws(() => parseRootDevice(written, "x"), /expected the PCI address of a PF/, String(written));
  }
});

test("a PF's address gets its domain and lower case, also before a range", () => {
  assert.deepEqual(parseRootDevice("86:0A.1#0-3", "x"), { pf: "0000:86:0a.1", numbers: [[0, 3]] });
  assert.deepEqual(parseRootDevice("10000:E1:00.0", "x"), { pf: "10000:e1:00.0", numbers: undefined });
});

test("a single number may be no text", () => {
  assert.deepEqual(parseNumbers(3, "x"), [[3, 3]]);
  assert.deepEqual(parseNumbers("3", "x"), [[3, 3]]);
  for (const written of [-1, 1.5, "", null, [0]]) assert.throws(() => parseNumbers(written, "x"), /0,2-7,9$/);
});

test("a PCI address has two digits of bus and device and a function up to 7", () => {
  assert.equal(parsePciAddress("0000:86:1F.7", "x"), "0000:86:1f.7");
  for (const written of [
    "0000:86:20.0",
    "0000:86:00.8",
    "000:86:00.0",
    "0000:86:00",
    "86:00.0 ",
    "",
    86,
    null,
  ]) {
    assert.throws(
      () => parsePciAddress(written, "x"),
      /a PCI address such as 0000:86:00\.1$/,
      String(written),
    );
  }
});

test("an id of a vendor or device is four digits in quotes, because YAML takes 1e45 for a number", () => {
  assert.equal(parsePciId("15B3", "x"), "15b3");
  for (const written of ["0x8086", "808", "80866", "808g", "", 8086, null]) {
    assert.throws(() => parsePciId(written, "x"), /four hexadecimal digits in quotes, such as "8086"$/);
  }
});
