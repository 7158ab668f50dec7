import assert from "node:assert/strict";
import { test } from "node:test";
import { broadcastAddress } from "../../../../src/linux/route/ip.ts";

test("the broadcast address of a network is its last, where a network has one to spare", () => {
  assert.equal(broadcastAddress("10.0.0.1/24"), "10.0.0.255");
  assert.equal(broadcastAddress("10.1.2.3/8"), "10.255.255.255");
  assert.equal(broadcastAddress("192.0.2.5/30"), "192.0.2.7");
  assert.equal(broadcastAddress("1.2.3.4/0"), "255.255.255.255");
  for (const none of ["192.0.2.5/31", "192.0.2.5/32", "192.0.2.5", "fd00::1/64"])
    assert.equal(broadcastAddress(none), undefined, none);
});
