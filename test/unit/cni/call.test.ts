import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCall } from "../../../src/cni/call.ts";

const read = (text: string) => parseCall(Buffer.from(text, "latin1"));

test("a call is its environment and its input, each as it was", () => {
  const { environment, input } = parseCall(Buffer.from("CNI_ARGS=a=ß;b\0CNI_NETNS=\0\0{\0}\n"));
  assert.deepEqual(
    [...environment],
    [
      ["CNI_ARGS", "a=ß;b"],
      ["CNI_NETNS", ""],
    ],
  );
  assert.equal(Buffer.from(input).toString(), "{\0}\n");
});

test("a call may have no environment and no input", () => {
  const { environment, input } = read("\0");
  assert.deepEqual([environment.size, input.length], [0, 0]);
});

test("a damaged call is refused with the place and what would be right", () => {
  const refusals: readonly (readonly [string, string])[] = [
    ["", "byte 0: the environment does not end; expected a NUL after each entry and one after all"],
    ["A=1\0B=2", "byte 4: the environment does not end; expected a NUL after each entry and one after all"],
    ["A=1\0", "byte 4: the environment does not end; expected a NUL after each entry and one after all"],
    ["A=1\0B\0\0", 'byte 4: "B" is no entry of an environment; expected NAME=VALUE'],
    ["=1\0\0", 'byte 0: "=1" is no entry of an environment; expected NAME=VALUE'],
  ];
  for (const [body, message] of refusals) {
    assert.throws(() => read(body), { code: "invalid", message: `the call at ${message}` });
  }
  assert.throws(() => read("A=\xff\0\0"), { code: "invalid", message: /byte 0: .*; expected UTF-8$/ });
});
