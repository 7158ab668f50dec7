import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CniResult, EMPTY_RESULT } from "../../../../src/model/cni/result.ts";
import {
  type CniVersion,
  formatResult,
  IncompatibleVersionError,
  isAtLeast,
  parseResult,
  parseVersion,
  SUPPORTED_VERSIONS,
} from "../../../../src/model/cni/versions.ts";
import { mistakesOf } from "./refusals.ts";

const RESULT: CniResult = {
  interfaces: [
    { name: "br0", mac: "02:00:00:00:00:01" },
    {
      name: "net1",
      mac: "02:00:00:00:00:02",
      mtu: 1500,
      sandbox: "/run/netns/blue",
      socketPath: "/run/s",
      pciID: "0000:86:00.1",
    },
  ],
  ips: [
    { address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 1 },
    { address: "10.2.0.5/16", interface: 1 },
    { address: "fd00::5/64", gateway: "fd00::1" },
  ],
  routes: [
    { dst: "fd01::/64", gw: "fd00::1" },
    { dst: "0.0.0.0/0", gw: "10.1.0.1", mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 0 },
    { dst: "10.9.0.0/16" },
  ],
  dns: { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b"], options: ["ndots:2"] },
};

const OLD_FORM = {
  ip4: {
    ip: "10.1.0.5/16",
    gateway: "10.1.0.1",
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.0.0/16" }],
  },
  ip6: { ip: "fd00::5/64", gateway: "fd00::1", routes: [{ dst: "fd01::/64", gw: "fd00::1" }] },
  dns: RESULT.dns,
};

const MIDDLE_FORM = {
  interfaces: [
    { name: "br0", mac: "02:00:00:00:00:01" },
    { name: "net1", mac: "02:00:00:00:00:02", sandbox: "/run/netns/blue" },
  ],
  ips: [
    { version: "4", address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 1 },
    { version: "4", address: "10.2.0.5/16", interface: 1 },
    { version: "6", address: "fd00::5/64", gateway: "fd00::1" },
  ],
  routes: [{ dst: "fd01::/64", gw: "fd00::1" }, { dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.0.0/16" }],
  dns: RESULT.dns,
};

test("each version of a result holds what that version knows", () => {
  for (const [version, expected] of [
    ["0.1.0", OLD_FORM],
    ["0.2.0", OLD_FORM],
    ["0.3.0", MIDDLE_FORM],
    ["0.3.1", MIDDLE_FORM],
    ["0.4.0", MIDDLE_FORM],
    ["1.0.0", { ...MIDDLE_FORM, ips: RESULT.ips }],
    ["1.1.0", RESULT],
  ] as const) {
    assert.deepEqual(formatResult(RESULT, version), { cniVersion: version, ...expected });
  }
});

test("a result that says nothing is written without its lists", () => {
  for (const version of SUPPORTED_VERSIONS) {
    assert.deepEqual(formatResult(EMPTY_RESULT, version), { cniVersion: version, dns: {} });
    assert.deepEqual(parseResult({ cniVersion: version }, "r"), EMPTY_RESULT);
  }
});

test("a route goes with the address of its family in an old result, and is left out without one", () => {
  const routes = [
    { dst: "0.0.0.0/0", gw: "10.1.0.1" },
    { dst: "::/0", gw: "fd00::1" },
  ];
  assert.deepEqual(formatResult({ ...EMPTY_RESULT, ips: [{ address: "fd00::5/64" }], routes }, "0.2.0"), {
    cniVersion: "0.2.0",
    ip6: { ip: "fd00::5/64", routes: [{ dst: "::/0", gw: "fd00::1" }] },
    dns: {},
  });
});

test("what a program printed is read as Go reads it", () => {
  const printed = {
    CNIVersion: "ignored: libcni looks for cniVersion in this spelling",
    cniVersion: "1.0.0",
    Interfaces: [{ Name: "eth0", mac: "", sandbox: null, mtu: 1400 }],
    ips: [{ address: "FD00:0::5/64", gateway: "", interface: 0 }],
    routes: [{ dst: "10.1.2.3/16", gw: "" }],
    dns: { nameservers: [], domain: "" },
    extra: 1,
  };
  assert.deepEqual(parseResult(printed, "r"), {
    interfaces: [{ name: "eth0", mtu: 1400 }],
    ips: [{ address: "fd00::5/64", interface: 0 }],
    routes: [{ dst: "10.1.2.3/16" }],
    dns: {},
  });
  assert.deepEqual(
    parseResult({ cniVersion: "0.4.0", ips: null, routes: null, dns: null }, "r"),
    EMPTY_RESULT,
  );
});

test("a result without a version is of the version that was asked for", () => {
  const printed = { ips: [{ address: "10.1.0.5/16" }], ip4: { ip: "10.2.0.5/16" } };
  assert.deepEqual(parseResult(printed, "r", "1.0.0").ips, [{ address: "10.1.0.5/16" }]);
  assert.deepEqual(parseResult({ ...printed, cniVersion: "" }, "r", "0.3.1").ips, [
    { address: "10.1.0.5/16" },
  ]);
  assert.deepEqual(parseResult(printed, "r").ips, [{ address: "10.2.0.5/16" }]);
});

for (const [what, document, message] of [
  ["a list", [], "r: [] is not usable; expected a result: a mapping"],
  [
    "a newer result",
    { cniVersion: "2.0.0" },
    'r cniVersion: "2.0.0" is not usable; expected one of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0',
  ],
  [
    "an address without digits",
    { cniVersion: "1.0.0", ips: [{ address: "x" }] },
    'r ips[0].address: "x" is not usable; expected an address such as 10.1.2.3/24 or fd00::3/64',
  ],
  [
    "an interface before the first",
    { cniVersion: "1.0.0", ips: [{ address: "10.1.0.5/16", interface: -1 }] },
    "r ips[0].interface: -1 is not usable; expected a whole number from 0 to 2147483647",
  ],
  [
    "an interface without a name",
    { cniVersion: "1.0.0", interfaces: [{}] },
    "r interfaces[0].name is missing; expected an interface's name",
  ],
  [
    "an old address without one",
    { cniVersion: "0.2.0", ip4: {} },
    "r ip4.ip is missing; expected an address such as 10.1.2.3/24 or fd00::3/64",
  ],
] as const) {
  test(`${what} is refused`, () =>
    assert.deepEqual(
      mistakesOf(() => parseResult(document, "r")),
      [message],
    ));
}

const v4 = fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, prefix]) => `${address}/${prefix}`);
const v6 = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 }), fc.nat(128))
  .map(([words, prefix]) => `${words.map((word) => word.toString(16)).join(":")}/${prefix}`);
const network = fc.oneof(v4, v6);
const gateway = network.map((address) => address.split("/")[0] ?? "");
const number = fc.nat(2 ** 31 - 1);
const word = fc.stringMatching(/^[a-z][a-z0-9:/.]{0,8}$/);
const words = fc.array(word, { minLength: 1, maxLength: 3 });
/** A record in which only the named fields are always there. */
const some = <T extends object, K extends keyof T>(
  shape: { [Key in keyof T]: fc.Arbitrary<T[Key]> },
  ...keys: K[]
) => fc.record(shape, { requiredKeys: keys, noNullPrototype: true });

const results: fc.Arbitrary<CniResult> = fc.record(
  {
    interfaces: fc.array(
      some({ name: word, mac: word, mtu: number, sandbox: word, socketPath: word, pciID: word }, "name"),
      { maxLength: 3 },
    ),
    ips: fc.array(some({ address: network, gateway, interface: number }, "address"), { maxLength: 4 }),
    routes: fc.array(
      some(
        {
          dst: network,
          gw: gateway,
          mtu: number,
          advmss: number,
          priority: number,
          table: number,
          scope: fc.nat(255),
        },
        "dst",
      ),
      { maxLength: 4 },
    ),
    dns: some({ nameservers: words, domain: word, search: words, options: words }),
  },
  { noNullPrototype: true },
);
const printed = (result: CniResult, version: CniVersion): unknown =>
  JSON.parse(JSON.stringify(formatResult(result, version)));

test("any result is read back whole from the newest version", () => {
  fc.assert(
    fc.property(results, (result) => {
      assert.deepEqual(parseResult(printed(result, "1.1.0"), "r"), result);
    }),
  );
});

test("what an older version leaves out is all that is lost, and nothing more when it is read and written again", () => {
  fc.assert(
    fc.property(results, fc.constantFrom(...SUPPORTED_VERSIONS), (result, version) => {
      const once = printed(result, version);
      const read = parseResult(once, "r");
      assert.deepEqual(printed(read, version), once);
      if (!isAtLeast(version, "0.3.0")) return;
      assert.deepEqual(read.ips, result.ips);
      assert.deepEqual(
        read.routes.map(({ dst, gw }) => [dst, gw]),
        result.routes.map(({ dst, gw }) => [dst, gw]),
      );
      assert.deepEqual(
        read.interfaces.map(({ name, mac, sandbox }) => [name, mac, sandbox]),
        result.interfaces.map(({ name, mac, sandbox }) => [name, mac, sandbox]),
      );
      assert.deepEqual(read.dns, result.dns);
    }),
  );
});

test("versions are known by their words and compared by their age", () => {
  for (const version of SUPPORTED_VERSIONS) assert.equal(parseVersion(version, "v"), version);
  for (const nothing of [undefined, null, ""]) assert.equal(parseVersion(nothing, "v"), "0.1.0");
  for (const wrong of ["1.2.0", "1.0", "v1.0.0", 1, {}]) {
    assert.throws(() => parseVersion(wrong, "v"), IncompatibleVersionError);
  }
  assert.ok(isAtLeast("1.0.0", "0.4.0"));
  assert.ok(isAtLeast("0.4.0", "0.4.0"));
  assert.ok(!isAtLeast("0.3.1", "0.4.0"));
});
