import assert from "node:assert/strict";
import test from "node:test";
import { PciErrorLog } from "../../../src/inventory/pci-errors.ts";
import { PF0, PF1 } from "./samples.ts";

const MINUTE = 60_000;

function scene() {
  let now = 1_000;
  const log = new PciErrorLog(() => now);
  const note = (fatal: number, nonFatal = 0, correctable = 0, address = PF0) =>
    log.note(address, { fatal, nonFatal, correctable });
  return {
    note,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    recent: () => Object.fromEntries(log.recent()),
  };
}

test("errors that were counted before a function was first seen are old", () => {
  const { note, recent } = scene();
  note(7, 3);
  note(7, 3);
  assert.deepEqual(recent(), {});
});

test("fatal and other uncorrectable errors count by how many came, correctable ones do not", () => {
  const { note, recent } = scene();
  note(1, 1, 1);
  note(1, 1, 100);
  assert.deepEqual(recent(), {});
  note(2, 3, 100);
  assert.deepEqual(recent(), { [PF0]: 3 });
});

test("an error counts for five minutes, each for its own", () => {
  const { note, pass, recent } = scene();
  note(0);
  note(1);
  pass(3 * MINUTE);
  note(3);
  pass(2 * MINUTE - 1);
  assert.deepEqual(recent(), { [PF0]: 3 });
  pass(1);
  assert.deepEqual(recent(), { [PF0]: 2 });
  pass(3 * MINUTE);
  assert.deepEqual(recent(), {});
});

test("counts that begin anew, as after a function came back, are no errors, and those after them are", () => {
  const { note, recent } = scene();
  note(5);
  note(0);
  assert.deepEqual(recent(), {});
  note(1);
  assert.deepEqual(recent(), { [PF0]: 1 });
});

test("each function has its own count", () => {
  const { note, recent } = scene();
  note(0);
  note(0, 0, 0, PF1);
  note(0, 1, 0, PF1);
  assert.deepEqual(recent(), { [PF1]: 1 });
});
