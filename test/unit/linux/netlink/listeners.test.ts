import assert from "node:assert/strict";
import test from "node:test";
import { Listeners } from "../../../../src/linux/netlink/listeners.ts";

test("a listener that throws keeps nobody else from hearing, and its error is not lost", (context) => {
  const later = context.mock.method(process, "nextTick", () => {});
  const heard: string[] = [];
  const listeners = new Listeners<(word: string) => void>();
  listeners.add(() => {
    throw new Error("cannot hear");
  });
  listeners.add((word) => heard.push(word));
  listeners.tell((listener) => listener("one"));
  const throwAgain = later.mock.calls.map((call) => call.arguments[0] as () => void);
  later.mock.restore();
  assert.deepEqual(heard, ["one"]);
  assert.equal(throwAgain.length, 1);
  assert.throws(throwAgain[0] as () => void, /cannot hear/);
});

test("who has left hears nothing more, and who comes while others are told hears the next", () => {
  const heard: string[] = [];
  const listeners = new Listeners<(word: string) => void>();
  const leave = listeners.add((word) => {
    heard.push(`first ${word}`);
    leave();
    listeners.add((next) => heard.push(`second ${next}`));
  });
  for (const word of ["one", "two"]) listeners.tell((listener) => listener(word));
  listeners.clear();
  listeners.tell((listener) => listener("three"));
  assert.deepEqual(heard, ["first one", "second two"]);
});
