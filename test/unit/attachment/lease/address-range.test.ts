import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { nextFreeAddress } from "../../../../src/attachment/lease/address-range.ts";
import type { RangeIpam } from "../../../../src/model/cni/known-plugin.ts";

function range(subnet: string, more: Partial<RangeIpam> = {}): RangeIpam {
  return { type: "range", subnet, routes: [], dns: {}, ...more };
}

/** Everything that a range gives out, in order, when nothing comes back. */
function drain(of: RangeIpam): string[] {
  const given: string[] = [];
  try {
    while (given.length < 100) given.push(nextFreeAddress(of, new Set(given), given.at(-1)));
  } catch (error) {
    assert.match(String(error), /no address is free/);
  }
  return given;
}

describe("a range of addresses", () => {
  test("gives out what lies between the subnet's own address and its broadcast, but for the gateway", () => {
    assert.deepEqual(drain(range("10.1.2.0/29", { gateway: "10.1.2.1" })), [
      "10.1.2.2",
      "10.1.2.3",
      "10.1.2.4",
      "10.1.2.5",
      "10.1.2.6",
    ]);
  });

  test("has no broadcast in IPv6, and neither end in a subnet of two addresses or one", () => {
    assert.deepEqual(drain(range("fd00::/126")), ["fd00::1", "fd00::2", "fd00::3"]);
    assert.deepEqual(drain(range("10.1.2.4/31")), ["10.1.2.4", "10.1.2.5"]);
    assert.deepEqual(drain(range("10.1.2.4/32")), ["10.1.2.4"]);
    assert.deepEqual(drain(range("fd00::6/127")), ["fd00::6", "fd00::7"]);
  });

  test("keeps to its first and last address", () => {
    const part = range("10.1.0.0/16", {
      rangeStart: "10.1.0.254",
      rangeEnd: "10.1.1.1",
      gateway: "10.1.1.0",
    });
    assert.deepEqual(drain(part), ["10.1.0.254", "10.1.0.255", "10.1.1.1"]);
  });

  test("gives out an address that came back after all others", () => {
    const of = range("10.1.2.0/29");
    assert.equal(nextFreeAddress(of, new Set(["10.1.2.1"]), "10.1.2.2"), "10.1.2.3");
    assert.equal(
      nextFreeAddress(of, new Set(["10.1.2.1"]), "10.1.2.6"),
      "10.1.2.2",
      "it begins again at its end",
    );
  });

  test("begins at its start when what was given last is no longer of it", () => {
    assert.equal(nextFreeAddress(range("10.1.2.0/29"), new Set(), "10.9.9.9"), "10.1.2.1");
  });

  test("finds one at once in a subnet of 2^64", () => {
    assert.equal(nextFreeAddress(range("fd00::/64"), new Set(["fd00::1"]), undefined), "fd00::2");
  });

  test("says how many there are when all are given out", () => {
    const taken = new Set(["10.1.2.1", "10.1.2.2", "10.7.7.7"]);
    assert.throws(() => nextFreeAddress(range("10.1.2.0/30"), taken, "10.1.2.2"), {
      code: "unavailable",
      message: /of 10\.1\.2\.0 to 10\.1\.2\.3 in 10\.1\.2\.0\/30: all 2 are given out/,
    });
  });

  test("never has two owners for one address, whatever comes back in between", () => {
    const history = fc.array(fc.oneof(fc.constant("take"), fc.nat(20)), { maxLength: 120 });
    fc.assert(
      fc.property(history, fc.constantFrom("10.0.0.0/28", "fd00::/125"), (steps, subnet) => {
        const of = range(subnet, { gateway: subnet.includes(":") ? "fd00::1" : "10.0.0.1" });
        const size = drain(of).length;
        const owned: string[] = [];
        let last: string | undefined;
        for (const step of steps) {
          if (typeof step === "number") owned.splice(step, 1);
          else if (owned.length === size) assert.throws(() => nextFreeAddress(of, new Set(owned), last));
          else {
            last = nextFreeAddress(of, new Set(owned), last);
            assert.ok(!owned.includes(last) && last !== of.gateway, last);
            owned.push(last);
          }
        }
      }),
    );
  });
});
