import assert from "node:assert/strict";
import test from "node:test";
import { UsageError } from "../../../src/cli/command.ts";
import { allowsColour, formatAnswer, formatTable, parseFormat } from "../../../src/cli/output.ts";

interface Device {
  name: string;
  rate?: number;
}

const columns = [
  { heading: "DEVICE", cell: (device: Device) => device.name },
  { heading: "RATE", cell: (device: Device) => device.rate, align: "right" as const },
];

test("a table aligns its columns, numbers to the right, and shows a dash for nothing", () => {
  const rows = [{ name: "uplink-0", rate: 5 }, { name: "x", rate: 1000 }, { name: "y" }];
  assert.equal(
    formatTable(rows, columns),
    "DEVICE    RATE\nuplink-0     5\nx         1000\ny            -\n",
  );
});

test("a table without rows has its headings", () => {
  assert.equal(formatTable([], columns), "DEVICE  RATE\n");
});

test("colour codes take no width", () => {
  const red = "\u001b[31mx\u001b[39m";
  assert.equal(formatTable([{ name: red, rate: 1 }], columns), `DEVICE  RATE\n${red}          1\n`);
});

test("headings are bold only when colour is asked for", () => {
  assert.equal(formatTable([], columns, { colour: true }), "\u001b[1mDEVICE  RATE\u001b[22m\n");
});

test("colour is for terminals, and not against NO_COLOR", () => {
  assert.equal(allowsColour({ isTTY: true }, {}), true);
  assert.equal(allowsColour({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(allowsColour({}, {}), false);
});

test("an answer is the same value as json and yaml, and its table is made only when asked for", () => {
  const value = [{ name: "uplink-0", rate: 5 }];
  const never = () => assert.fail("no table was asked for");
  assert.deepEqual(JSON.parse(formatAnswer("json", value, never)), value);
  assert.equal(formatAnswer("yaml", value, never), "- name: uplink-0\n  rate: 5\n");
  assert.equal(
    formatAnswer("table", value, () => "the table\n"),
    "the table\n",
  );
});

test("an unknown format is wrong usage and the known ones are named", () => {
  assert.throws(
    () => parseFormat("xml"),
    new UsageError('--output "xml": expected one of table, json, yaml'),
  );
});
