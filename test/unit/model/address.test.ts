import assert from "node:assert/strict";
import { test } from "node:test";
import {
  firstAddress,
  isWithin,
  parseGateway,
  parseInterfaceAddress,
  parseMac,
  parseNetworkAddress,
} from "../../../src/model/address.ts";

test("an interface address is in CIDR form and in the kernel's spelling", () => {
  for (const [written, expected] of [
    ["10.1.2.3/24", "10.1.2.3/24"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["FD00:0:0::1/64", "fd00::1/64"],
    ["fd00::1", "fd00::1/128"],
    ["0.0.0.0/0", "0.0.0.0/0"],
  ]) {
    assert.equal(parseInterfaceAddress(written, "x"), expected);
  }
});

test("what is no address is refused", () => {
  const written = ["10.1.2", "10.1.2.3/33", "10.1.2.3/024", "10.1.2.3/", "10.1.2.3/24/8", "fd00::1/129"];
  for (const value of [...written, "fe80::1%eth0", "010.1.2.3", "", 10, null]) {
    assert.throws(
      () => parseInterfaceAddress(value, "x"),
      /an address such as 10\.1\.2\.3\/24/,
      String(value),
    );
  }
});

test("a network has no bits behind its prefix, and the message names the network that was meant", () => {
  for (const network of ["10.1.0.0/16", "0.0.0.0/0", "::/0", "fd00::/48", "::ffff:a01:200/120"]) {
    assert.equal(parseNetworkAddress(network, "x"), network);
  }
  for (const [written, meant] of [
    ["10.1.2.3/16", "10.1.0.0/16"],
    ["255.255.255.255/1", "128.0.0.0/1"],
    ["fd00::1/64", "fd00::/64"],
    ["::ffff:10.1.2.3/120", "::ffff:a01:200/120"],
    ["1:2:3:4:5:6:7:8/16", "1::/16"],
  ]) {
    assert.throws(() => parseNetworkAddress(written, "x"), { message: new RegExp(`"${meant}"$`) });
  }
});

test("a gateway is one address without a prefix length", () => {
  assert.equal(parseGateway("10.1.2.1", "x"), "10.1.2.1");
  assert.equal(parseGateway("FD00::1", "x"), "fd00::1");
  assert.throws(() => parseGateway("10.1.2.1/24", "x"), /without a prefix length/);
});

test("a MAC is unicast, in lower case and with colons", () => {
  assert.equal(parseMac("02-00-00-00-00-AB", "x"), "02:00:00:00:00:ab");
  for (const value of ["02:00:00:00:00", "02:00:00:00:00:0g", "020000000001", "", 2]) {
    assert.throws(() => parseMac(value, "x"), /an Ethernet address such as/);
  }
  for (const value of ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"]) {
    assert.throws(() => parseMac(value, "x"), /the first byte is even and not all are zero/);
  }
});

test("an address is of a network of its own family whose bits it has", () => {
  for (const [address, network, expected] of [
    ["10.1.2.3", "10.1.0.0/16", true],
    ["10.2.0.0", "10.1.0.0/16", false],
    ["fd00::9", "fd00::/64", true],
    ["10.1.2.3", "::/0", false],
  ] as const) {
    assert.equal(isWithin(address, network), expected);
  }
});

test("the first address of a subnet is the one behind the subnet's own, where there is one to spare", () => {
  for (const [address, expected] of [
    ["10.1.2.9/24", "10.1.2.1"],
    ["10.1.2.9/29", "10.1.2.9"],
    ["10.1.2.9/31", "10.1.2.8"],
    ["10.1.2.9/32", "10.1.2.9"],
    ["fd00::9/64", "fd00::1"],
    ["fd00::9/128", "fd00::9"],
  ] as const) {
    assert.equal(firstAddress(address), expected);
  }
});
