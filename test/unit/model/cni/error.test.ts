import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnvironment } from "../../../../src/model/cni/environment.ts";
import {
  CNI_CODES,
  CniFailure,
  cniErrorOf,
  formatCniError,
  parseCniError,
} from "../../../../src/model/cni/error.ts";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import { parseVersion } from "../../../../src/model/cni/versions.ts";
import { LanyardError, NotFoundError } from "../../../../src/model/errors.ts";

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

for (const [what, error, code] of [
  ["a configuration with mistakes", thrownBy(() => parseNetworkConfiguration({ type: "macvlan" }, "c")), 7],
  ["a configuration that is no JSON", thrownBy(() => parseNetworkConfiguration("{", "c")), 6],
  [
    "a version in a configuration",
    thrownBy(() => parseNetworkConfiguration({ type: "a", name: "b", cniVersion: "2.0.0" }, "c")),
    1,
  ],
  ["a version", thrownBy(() => parseVersion("2.0.0", "c")), 1],
  ["the environment", thrownBy(() => parseEnvironment(new Map())), 4],
  ["a thing that is not there", new NotFoundError("network a/b does not exist"), 100],
  ["a conflict", new LanyardError("conflict", "x"), 101],
  ["what the kernel lacks", new LanyardError("unsupported", "x"), 102],
  ["the kernel's refusal", new LanyardError("kernel", "x"), 103],
  ["what is away", new LanyardError("unavailable", "x"), 11],
  ["what took too long", new LanyardError("timeout", "x"), 11],
  ["a fault of ours", new LanyardError("internal", "x"), 999],
  ["an error of nobody's", new TypeError("x"), 999],
] as const) {
  test(`the code for ${what} is ${code}`, () => assert.equal(cniErrorOf(error).code, code));
}

test("no error of ours says that the container is unknown, which would keep the runtime from cleaning up", () => {
  const codes = [
    "invalid",
    "not-found",
    "conflict",
    "unavailable",
    "unsupported",
    "timeout",
    "kernel",
    "internal",
  ] as const;
  for (const code of codes) {
    assert.notEqual(cniErrorOf(new LanyardError(code, "x")).code, CNI_CODES.unknownContainer);
  }
});

test("a message is one line", () => {
  assert.equal(cniErrorOf(new LanyardError("kernel", "one\ntwo")).msg, "one; two");
});

test("an error with a code of its own keeps it", () => {
  const error = new CniFailure("unavailable", { code: 50, msg: "not now", details: "no agent" });
  assert.equal(error.message, "not now: no agent");
  assert.equal(error.code, "unavailable");
  assert.deepEqual(cniErrorOf(error), { code: 50, msg: "not now", details: "no agent" });
});

test("an error is printed in the words of its version and read back", () => {
  const error = { code: 11, msg: "try again", details: "later" };
  const printed = formatCniError(error, "0.4.0");
  assert.deepEqual(printed, { cniVersion: "0.4.0", ...error });
  assert.deepEqual(parseCniError(JSON.stringify(printed)), error);
  assert.deepEqual(formatCniError({ code: 7, msg: "x", details: "" }, "1.1.0"), {
    cniVersion: "1.1.0",
    code: 7,
    msg: "x",
  });
});

test("what is no error of CNI is read as none", () => {
  for (const output of ["", "panic: x", "[]", "null", "{}", '{"code": "7", "msg": "x"}', '{"code": 7}']) {
    assert.equal(parseCniError(output), undefined, output);
  }
});
