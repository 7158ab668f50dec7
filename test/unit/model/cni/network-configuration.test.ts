import assert from "node:assert/strict";
import { test } from "node:test";
import { UndecodableTextError } from "../../../../src/model/cni/go-json.ts";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import { IncompatibleVersionError } from "../../../../src/model/cni/versions.ts";
import type { InvalidObjectError } from "../../../../src/model/validation.ts";
import { mistakesOf } from "./refusals.ts";

const parse = (document: unknown, name?: string) => parseNetworkConfiguration(document, "f.conflist", name);
const list = (more: object) => ({
  cniVersion: "1.0.0",
  name: "fast",
  plugins: [{ type: "macvlan" }],
  ...more,
});

test("a list is read with its plugins as they are written", () => {
  const text = `{
    "cniVersion": "1.0.0", "name": "fast", "disableCheck": true, "unknown": 1,
    "plugins": [
      {"type": "macvlan", "master": "eth1", "capabilities": {"ips": true, "mac": false}, "note": null},
      {"type": "tuning", "name": "other", "cniVersion": "0.3.1", "sysctl": {"net.core.somaxconn": "500"}}
    ]
  }`;
  assert.deepEqual(parse(text), {
    cniVersion: "1.0.0",
    name: "fast",
    disableCheck: true,
    disableGc: false,
    plugins: [
      {
        type: "macvlan",
        capabilities: { ips: true, mac: false },
        written: { type: "macvlan", master: "eth1", capabilities: { ips: true, mac: false }, note: null },
      },
      {
        type: "tuning",
        capabilities: {},
        written: { type: "tuning", sysctl: { "net.core.somaxconn": "500" } },
      },
    ],
  });
});

test("a single plugin's configuration is a list of one", () => {
  assert.deepEqual(parse({ cniVersion: "0.3.1", name: "fast", type: "ipvlan", master: "eth1" }), {
    cniVersion: "0.3.1",
    name: "fast",
    disableCheck: false,
    disableGc: false,
    plugins: [{ type: "ipvlan", capabilities: {}, written: { type: "ipvlan", master: "eth1" } }],
  });
});

test("a type in another letter case makes it a single plugin's all the same", () => {
  assert.deepEqual(parse({ Type: "bridge", Name: "fast" }).plugins, [
    { type: "bridge", capabilities: {}, written: { Type: "bridge", Name: "fast" } },
  ]);
});

test("a name that is missing or empty is the definition's", () => {
  for (const name of [undefined, null, ""]) {
    assert.equal(parse({ type: "macvlan", name }, "nad").name, "nad");
    assert.equal(parse(list({ name }), "nad").name, "nad");
  }
  assert.equal(parse(list({}), "nad").name, "fast");
});

test("flags are words or their text", () => {
  for (const [written, expected] of [
    [true, true],
    ["true", true],
    ["True", true],
    [false, false],
    ["FALSE", false],
  ] as const) {
    const { disableCheck, disableGc } = parse(list({ disableCheck: written, disableGC: written }));
    assert.deepEqual([disableCheck, disableGc], [expected, expected]);
  }
});

test("of several versions the newest that is spoken here counts", () => {
  for (const [versions, expected] of [
    [{ cniVersion: undefined }, "0.1.0"],
    [{ cniVersion: "" }, "0.1.0"],
    [{ cniVersion: "1.1.0" }, "1.1.0"],
    [{ cniVersion: "0.4.0", cniVersions: [] }, "0.4.0"],
    [{ cniVersion: "0.4.0", cniVersions: ["0.3.1", "1.0.0", "9.0.0"] }, "1.0.0"],
    [{ cniVersion: "1.1.0", cniVersions: ["1.0.0"] }, "1.1.0"],
    [{ cniVersion: "9.0.0", cniVersions: ["1.0.0"] }, "1.0.0"],
    [{ cniVersion: undefined, cniVersions: ["0.4.0"] }, "0.4.0"],
  ] as const) {
    assert.equal(parse(list(versions)).cniVersion, expected, JSON.stringify(versions));
  }
});

const VERSIONS = "one of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0";

for (const [what, document, message] of [
  [
    "a list",
    "[]",
    "f.conflist: [] is not usable; expected a network's configuration in JSON, with plugins or with the type of one",
  ],
  ["no name", { type: "macvlan" }, /^f\.conflist name is missing; expected a name of letters/],
  [
    "a name with a path in it",
    list({ name: "../fast" }),
    /^f\.conflist name: "\.\.\/fast" is not usable; expected a name/,
  ],
  ["a list without plugins", list({ plugins: undefined }), "f.conflist plugins is missing; expected a list"],
  [
    "an empty list",
    list({ plugins: [] }),
    "f.conflist plugins: [] is not usable; expected at least one plugin",
  ],
  [
    "a plugin without a type",
    list({ plugins: [{}] }),
    /^f\.conflist plugins\[0\]\.type is missing; expected the name of a plugin such as macvlan/,
  ],
  [
    "a type with a path in it",
    list({ plugins: [{ type: "../../bin/sh" }] }),
    /^f\.conflist plugins\[0\]\.type: "\.\.\/\.\.\/bin\/sh" is not usable/,
  ],
  [
    "a type that leads upwards",
    list({ plugins: [{ type: ".." }] }),
    /plugins\[0\]\.type: "\.\." is not usable/,
  ],
  [
    "a flag of another word",
    list({ disableCheck: "yes" }),
    'f.conflist disableCheck: "yes" is not usable; expected true or false',
  ],
  [
    "a capability that is no flag",
    list({ plugins: [{ type: "a", capabilities: { ips: "yes" } }] }),
    'f.conflist plugins[0].capabilities.ips: "yes" is not usable; expected true or false',
  ],
  [
    "a newer version",
    list({ cniVersion: "2.0.0" }),
    `f.conflist cniVersion: "2.0.0" is not usable; expected ${VERSIONS}`,
  ],
  [
    "a version that is a number",
    list({ cniVersion: 1 }),
    `f.conflist cniVersion: 1 is not usable; expected ${VERSIONS}`,
  ],
  [
    "only newer versions",
    list({ cniVersion: "3.0.0", cniVersions: ["2.0.0"] }),
    `f.conflist cniVersions: ["2.0.0"] is not usable; expected ${VERSIONS}`,
  ],
  [
    "a list of versions with a word in it",
    list({ cniVersions: ["new"] }),
    'f.conflist cniVersions[0]: "new" is not usable; expected a version such as 1.0.0',
  ],
] as const) {
  test(`${what} is refused`, () => {
    const [told, ...others] = mistakesOf(() => parse(document));
    assert.deepEqual(others, []);
    if (typeof message === "string") assert.equal(told, message);
    else assert.match(told ?? "", message);
  });
}

test("text that is no JSON, and a version not spoken here, can be told from other mistakes", () => {
  const mistakeOf = (document: unknown) => {
    try {
      parse(document);
    } catch (error) {
      return (error as InvalidObjectError).mistakes[0];
    }
    return undefined;
  };
  assert.ok(mistakeOf("{") instanceof UndecodableTextError);
  assert.match(
    mistakeOf("{")?.message ?? "",
    /^f\.conflist: "\{" is not usable; expected a network's configuration in JSON/,
  );
  assert.ok(mistakeOf(list({ cniVersion: "2.0.0" })) instanceof IncompatibleVersionError);
});
