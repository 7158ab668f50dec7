import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import { parseKnownPlugin } from "../../../../src/model/cni/plugins/readers.ts";
import type { PluginRuntime } from "../../../../src/model/cni/runtime-configuration.ts";
import { mistakesOf } from "./refusals.ts";

/** What a macvlan with this `ipam` is told of addresses. */
function parse(ipam: unknown, runtime: PluginRuntime = {}, more: object = {}) {
  const conf = { name: "fast", type: "macvlan", ipam, ...more };
  const [plugin] = parseNetworkConfiguration(conf, "conf").plugins;
  assert.ok(plugin !== undefined);
  const read = parseKnownPlugin(plugin, runtime, "fast");
  return read !== undefined && "ipam" in read ? read.ipam : undefined;
}

const TAKES_IPS = { capabilities: { ips: true } };
const STATIC = { type: "static", addresses: [{ address: "10.1.0.5/16", gateway: "10.1.0.1" }] };
const args = (entries: Record<string, string>) => ({ args: new Map(Object.entries(entries)) });

test("no ipam and an empty one give no addresses", () => {
  for (const ipam of [undefined, null, {}]) assert.equal(parse(ipam), undefined);
});

test("a type that is not built in is a program's", () => {
  for (const program of ["host-local", "dhcp", "whereabouts"]) {
    assert.deepEqual(parse({ type: program, ranges: [[{ subnet: "10.1.0.0/16" }]] }), {
      type: "program",
      program,
    });
  }
});

test("static addresses are read with routes and names", () => {
  const written = {
    type: "static",
    addresses: [
      { address: "10.1.0.5/16", gateway: "10.1.0.1" },
      { address: "FD00::5/64", gateway: "" },
    ],
    routes: [
      { dst: "0.0.0.0/0" },
      { dst: "10.2.0.0/16", gw: "10.1.0.9", mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 0 },
    ],
    dns: { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b", "b"], options: ["ndots:2"] },
  };
  assert.deepEqual(parse(written), {
    type: "static",
    addresses: [{ address: "10.1.0.5/16", gateway: "10.1.0.1" }, { address: "fd00::5/64" }],
    routes: [
      { dst: "0.0.0.0/0" },
      { dst: "10.2.0.0/16", gw: "10.1.0.9", mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 0 },
    ],
    dns: { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b", "b"], options: ["ndots:2"] },
  });
});

test("addresses of CNI_ARGS come to those of the configuration, and its gateways to the addresses of their subnet", () => {
  const wishes = args({ IP: "10.3.0.7/24, fd00::7/64", GATEWAY: "10.3.0.1,fd00::1,10.1.0.2" });
  assert.deepEqual(parse(STATIC, wishes), {
    type: "static",
    addresses: [
      { address: "10.1.0.5/16", gateway: "10.1.0.2" },
      { address: "10.3.0.7/24", gateway: "10.3.0.1" },
      { address: "fd00::7/64", gateway: "fd00::1" },
    ],
    routes: [],
    dns: {},
  });
});

test("addresses in args take the place of these, and those of the runtime the place of all others", () => {
  const inArgs = { args: { cni: { ips: ["10.4.0.5/24"] } } };
  const addressesOf = (runtime: PluginRuntime, more: object) => {
    const read = parse(STATIC, runtime, more);
    return read?.type === "static" ? read.addresses : undefined;
  };
  assert.deepEqual(addressesOf(args({ IP: "10.3.0.7/24" }), inArgs), [{ address: "10.4.0.5/24" }]);
  const runtime = { ...args({ IP: "10.3.0.7/24" }), ips: ["10.5.0.5/24", "fd00::5", "10.5.0.6"] };
  assert.deepEqual(addressesOf(runtime, { ...inArgs, ...TAKES_IPS }), [
    { address: "10.5.0.5/24" },
    { address: "fd00::5/128" },
    { address: "10.5.0.6/32" },
  ]);
  assert.deepEqual(addressesOf({ ips: ["10.5.0.5/24"] }, {}), [STATIC.addresses[0]]);
});

test("a range is read with its bounds", () => {
  const bounds = {
    subnet: "10.1.0.0/16",
    rangeStart: "10.1.0.10",
    rangeEnd: "10.1.255.20",
    gateway: "10.1.0.1",
  };
  assert.deepEqual(parse({ type: "range", ...bounds, routes: [{ dst: "0.0.0.0/0" }] }), {
    type: "range",
    ...bounds,
    routes: [{ dst: "0.0.0.0/0" }],
    dns: {},
  });
  assert.deepEqual(parse({ type: "range", subnet: "fd00::/64" }), {
    type: "range",
    subnet: "fd00::/64",
    routes: [],
    dns: {},
  });
});

const PREFIX = "an address with its prefix length, such as 10.1.2.3/24 or fd00::3/64";

for (const [what, ipam, message, runtime] of [
  [
    "an ipam without a type",
    { subnet: "10.1.0.0/16" },
    "fast ipam.type is missing; expected a plugin such as static, or no ipam at all",
  ],
  [
    "a type with a path in it",
    { type: "../sh" },
    `fast ipam type: "../sh" is not usable; expected the name of a plugin such as macvlan, without '/' and spaces`,
  ],
  [
    "static without an address",
    { type: "static" },
    "fast ipam.addresses is missing; expected at least one address, or a network whose pods wish for addresses",
  ],
  [
    "a static address without a prefix length",
    { type: "static", addresses: [{ address: "10.1.2.3" }] },
    `fast ipam addresses[0].address: "10.1.2.3" is not usable; expected ${PREFIX}`,
  ],
  [
    "a route with host bits",
    { ...STATIC, routes: [{ dst: "10.1.2.3/16" }] },
    'fast ipam routes[0].dst: "10.1.2.3/16" is not usable; expected a network without host bits: "10.1.0.0/16"',
  ],
  [
    "a next hop of another family",
    { ...STATIC, routes: [{ dst: "10.1.0.0/16", gw: "fd00::1" }] },
    'fast ipam routes[0].gw: "fd00::1" is not usable; expected an address of the same family as 10.1.0.0/16',
  ],
  [
    "an address of CNI_ARGS without a prefix length",
    STATIC,
    `CNI_ARGS IP: "10.1.2.3" is not usable; expected ${PREFIX}`,
    args({ IP: "10.1.2.3" }),
  ],
  [
    "a gateway of CNI_ARGS that is none",
    STATIC,
    'CNI_ARGS GATEWAY: "x" is not usable; expected an address without a prefix length, such as 10.1.2.1',
    args({ GATEWAY: "x" }),
  ],
  [
    "a wished address that is none",
    STATIC,
    'fast runtimeConfig.ips[1]: "x" is not usable; expected an address such as 10.1.2.3/24 or fd00::3/64',
    { ips: ["10.1.2.3/24", "x"] },
  ],
  [
    "a range without a subnet",
    { type: "range" },
    "fast ipam subnet is missing; expected a network such as 10.1.0.0/16, fd00::/48 or 0.0.0.0/0",
  ],
  [
    "a range that begins elsewhere",
    { type: "range", subnet: "10.1.0.0/16", rangeStart: "10.2.0.1" },
    'fast ipam.rangeStart: "10.2.0.1" is not usable; expected an address of the subnet 10.1.0.0/16',
  ],
  [
    "a range of another family",
    { type: "range", subnet: "10.1.0.0/16", gateway: "fd00::1" },
    'fast ipam.gateway: "fd00::1" is not usable; expected an address of the subnet 10.1.0.0/16',
  ],
  [
    "a range backwards",
    { type: "range", subnet: "10.1.0.0/16", rangeStart: "10.1.0.20", rangeEnd: "10.1.0.3" },
    'fast ipam.rangeEnd: "10.1.0.3" is not usable; expected an address not before 10.1.0.20',
  ],
  [
    "a wish for an address of a range",
    { type: "range", subnet: "10.1.0.0/16" },
    'fast ips: ["10.1.0.5"] is not usable; expected no addresses: a range gives them; static takes wished ones',
    { ips: ["10.1.0.5"] },
  ],
] as const) {
  test(`${what} is refused`, () => {
    assert.deepEqual(
      mistakesOf(() => parse(ipam, runtime ?? {}, TAKES_IPS)),
      [message],
    );
  });
}
