import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { parseAgentConfig, parseListenAddress } from "../../../src/model/agent-config.ts";

test("a configuration that says nothing means the defaults", () => {
  for (const document of [null, undefined, {}]) {
    assert.deepEqual(parseAgentConfig(document, "c"), {
      resourcePrefix: "lanyard.dev",
      pools: [],
      metrics: { address: { kind: "tcp", port: 9808 } },
    });
  }
});

test("the example's configuration offers NICs and bandwidth", () => {
  const file = new URL("../../../deploy/standalone/config.yaml", import.meta.url);
  assert.deepEqual(parseAgentConfig(parse(readFileSync(file, "utf8")), "config.yaml").pools, [
    { kind: "hostDevice", name: "nics", links: ["nic*"] },
    {
      kind: "bandwidthShare",
      name: "uplink0-bandwidth",
      uplink: "uplink0",
      share: 50_000_000,
      total: 1_000_000_000,
    },
  ]);
});

test("an address to listen on is a port, a host and port, or a socket", () => {
  for (const [written, expected] of [
    [":9808", { kind: "tcp", port: 9808 }],
    ["127.0.0.1:0", { kind: "tcp", host: "127.0.0.1", port: 0 }],
    ["node.example:80", { kind: "tcp", host: "node.example", port: 80 }],
    ["[::1]:9808", { kind: "tcp", host: "::1", port: 9808 }],
    ["unix:/run/m.sock", { kind: "unix", path: "/run/m.sock" }],
  ] as const) {
    assert.deepEqual(parseListenAddress(written, "x"), expected);
  }
  for (const written of ["9808", 9808, "::1:9808", "[10.0.0.1]:1", ":65536", ":", "unix:m.sock", "a b:1"]) {
    assert.throws(() => parseListenAddress(written, "x"), /an address such as :9808/, String(written));
  }
});

const nics = { kind: "hostDevice", name: "nics", links: ["nic*"] };
const faults: [string, unknown, RegExp][] = [
  [
    "a prefix of Kubernetes",
    { resourcePrefix: "a.kubernetes.io" },
    /^c resourcePrefix: .*a domain of your own/,
  ],
  ["a prefix that is no domain", { resourcePrefix: "lanyard" }, /^c resourcePrefix: "lanyard"/],
  [
    "an unknown kind",
    { pools: [{ kind: "hostdevice" }] },
    /^c pools\[0\]\.kind: .*did you mean "hostDevice"\?/,
  ],
  [
    "a pool name with a prefix",
    { pools: [{ ...nics, name: "a.b/c" }] },
    /^c pools\[0\]\.name: .*without a prefix/,
  ],
  [
    "a pool name used twice",
    { pools: [nics, nics] },
    /^c pools\[1\]\.name: "nics" .*pools\[0\] has it already$/,
  ],
  ["no patterns", { pools: [{ ...nics, links: [] }] }, /^c pools\[0\]\.links: \[\] .*at least one pattern/],
  ["a path for a pattern", { pools: [{ ...nics, links: ["/sys/*"] }] }, /^c pools\[0\]\.links\[0\]/],
  [
    "a share above the total",
    { pools: [{ kind: "bandwidthShare", name: "b", uplink: "u", share: "2G", total: "1G" }] },
    /^c pools\[0\]\.share: "2G" .*not above the total$/,
  ],
  ["an unknown section", { metric: {} }, /^c metric: \{\} .*did you mean "metrics"\?$/],
  ["a list", [], /^c: \[\] .*a mapping with the fields resourcePrefix, pools, metrics$/],
];

for (const [name, document, message] of faults) {
  test(`${name} in the configuration is refused`, () => {
    assert.throws(() => parseAgentConfig(document, "c"), { message, code: "invalid" });
  });
}
