import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isExtendedResourceName,
  parseInterfaceName,
  parseLinkName,
  parseObjectName,
  parseResourceName,
} from "../../../src/model/names.ts";
import { nearestWord } from "../../../src/model/nearest.ts";

test("a link's name is what the kernel takes", () => {
  for (const name of ["a", "net1", "abcdefghijklmno", "eth0.100", "größe", "..."]) {
    assert.equal(parseLinkName(name, "x"), name);
  }
  // 16 bytes, by length and by an umlaut; then what dev_valid_name() refuses, and the pattern sign
  const refused = [
    "abcdefghijklmnop",
    "abcdefghijklmnö",
    "",
    ".",
    "..",
    "a/b",
    "a b",
    "a\t",
    "a:1",
    "net%d",
    7,
  ];
  for (const name of refused) assert.throws(() => parseLinkName(name, "x"), /1 to 15 bytes/, String(name));
});

test("an added interface is not called as the pod's own", () => {
  assert.equal(parseInterfaceName("net1", "x"), "net1");
  for (const name of ["lo", "eth0"]) {
    assert.throws(() => parseInterfaceName(name, "x"), /a name the pod does not have yet/);
  }
});

test("an object's name is a DNS subdomain in lower case", () => {
  for (const name of ["a", "gold", "a-b.c1"]) assert.equal(parseObjectName(name, "x"), name);
  for (const name of ["", "Gold", "-a", "a-", "a..b", "a_b", "a".repeat(254), undefined]) {
    assert.throws(() => parseObjectName(name, "x"), /a name of lower-case letters/, String(name));
  }
});

test("a resource has a prefix", () => {
  assert.equal(parseResourceName("lanyard.dev/nics", "x"), "lanyard.dev/nics");
  for (const name of [
    "nics",
    "/nics",
    "lanyard.dev/",
    "a/b/c",
    "lanyard.dev/-x",
    "kubernetes.io/x",
    "requests.a/b",
    1,
  ]) {
    assert.throws(() => parseResourceName(name, "x"), /with its prefix, such as lanyard\.dev\/nics/);
  }
});

test("an extended resource is what Kubernetes takes for one", () => {
  // a prefix of 244 characters still fits behind "requests.", whose 9 make it 253
  const prefix = (length: number) => "p".repeat(length);
  const good = ["lanyard.dev/nics", "a/b", "l.dev/Under_score.x", `l.dev/${"n".repeat(63)}`];
  for (const name of [...good, "kubernetes.iox/x", `${prefix(244)}/x`]) {
    assert.equal(isExtendedResourceName(name), true, name);
  }
  const native = ["cpu", "kubernetes.io/x", "a.kubernetes.io/x", "mykubernetes.io/x"];
  const invalid = ["requests.a/b", "A.dev/x", "/x", "l.dev/-x", "a/b/c", "l.dev/", `l.dev/${"n".repeat(64)}`];
  for (const name of [...native, ...invalid, `${prefix(245)}/x`]) {
    assert.equal(isExtendedResourceName(name), false, name);
  }
});

test("the nearest known word is found, and a far one is not", () => {
  const known = ["egress", "ingress", "priority", "dscp"];
  for (const [written, expected] of [
    ["egres", "egress"],
    ["Egress", "egress"],
    ["prioritty", "priority"],
    ["dcsp", undefined],
    ["bandwidth", undefined],
  ] as const) {
    assert.equal(nearestWord(written, known), expected, written);
  }
});
