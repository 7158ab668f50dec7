import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  chainBehind,
  chooseNetwork,
  isOwnText,
  OWN_FILE,
  readNetworkFile,
  shapesBandwidth,
  whyNotBehind,
} from "../../../src/cni/conflist.ts";
import { InvalidValueError } from "../../../src/model/errors.ts";

const agent = {
  socket: "/run/lanyard/cni.sock",
  spool: "/var/lib/lanyard/cni-spool",
  waitMilliseconds: 30_000,
  graceMilliseconds: 120_000,
  hasDefaultNetworks: false,
};

const own = {
  type: "lanyard",
  capabilities: { "io.kubernetes.cri.pod-annotations": true, bandwidth: true },
  attachPodNetworks: true,
  agent,
};

const ownBehindShaped = {
  type: "lanyard",
  capabilities: { "io.kubernetes.cri.pod-annotations": true },
  attachPodNetworks: true,
  shapeInterface: false,
  agent,
};

function generate(file: string, document: unknown): string {
  return chainBehind(readNetworkFile(file, JSON.stringify(document)), agent);
}

describe("the network that is made from the cluster's", () => {
  const bridge = { type: "bridge", bridge: "cni0", ipam: { type: "host-local", subnet: "10.1.0.0/24" } };
  const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: true };
  const table: readonly { what: string; file: string; original: object; made: object }[] = [
    {
      what: "keeps every key of a list, ones that nobody knows among them, and every entry",
      file: "10-bridge.conflist",
      original: { later: [1, { a: null }], name: "net", plugins: [bridge, portmap], cniVersion: "1.1.0" },
      made: { later: [1, { a: null }], name: "net", plugins: [bridge, portmap, own], cniVersion: "1.1.0" },
    },
    {
      what: "keeps the version of an old list, and what says that it is not checked",
      file: "10-flannel.conflist",
      original: { name: "cbr0", cniVersion: "0.3.1", disableCheck: true, plugins: [bridge] },
      made: { name: "cbr0", cniVersion: "0.3.1", disableCheck: true, plugins: [bridge, own] },
    },
    {
      what: "makes a list of one plugin out of a .conf",
      file: "10-bridge.conf",
      original: { cniVersion: "0.4.0", name: "net", ...bridge },
      made: {
        cniVersion: "0.4.0",
        name: "net",
        plugins: [{ cniVersion: "0.4.0", name: "net", ...bridge }, own],
      },
    },
    {
      what: "makes a list of one plugin out of a .json that has no version",
      file: "10-bridge.json",
      original: { name: "net", ...bridge },
      made: { name: "net", plugins: [{ name: "net", ...bridge }, own] },
    },
    {
      what: "leaves bandwidth to a bandwidth plugin of the chain",
      file: "10-net.conflist",
      original: { name: "net", plugins: [bridge, { type: "bandwidth", capabilities: { bandwidth: true } }] },
      made: {
        name: "net",
        plugins: [bridge, { type: "bandwidth", capabilities: { bandwidth: true } }, ownBehindShaped],
      },
    },
    {
      what: "leaves bandwidth to a plugin of another type that declares the capability",
      file: "10-calico.conflist",
      original: { name: "net", plugins: [{ type: "calico", capabilities: { bandwidth: true } }] },
      made: {
        name: "net",
        plugins: [{ type: "calico", capabilities: { bandwidth: true } }, ownBehindShaped],
      },
    },
    {
      what: "does not leave bandwidth to a plugin that says it has no such capability",
      file: "10-net.conflist",
      original: { name: "net", plugins: [{ type: "other", capabilities: { bandwidth: false } }] },
      made: { name: "net", plugins: [{ type: "other", capabilities: { bandwidth: false } }, own] },
    },
  ];
  for (const { what, file, original, made } of table) {
    test(what, () => {
      // As text, so that the order of keys counts.
      assert.equal(generate(file, original), `${JSON.stringify(made, undefined, 2)}\n`);
    });
  }

  test("is known as ours, and the cluster's is not", () => {
    const original = { name: "net", plugins: [bridge] };
    assert.equal(isOwnText(generate("10-net.conflist", original)), true);
    assert.equal(isOwnText(JSON.stringify(original)), false);
    assert.equal(isOwnText("{"), false);
  });
});

describe("the network to stand behind", () => {
  test("is the first file in name order that the runtime reads and that is not ours", () => {
    const names = ["99-loopback.conf", "10-b.conflist", OWN_FILE, "05-a.conflist.bak", "README", "10-a.json"];
    assert.equal(chooseNetwork(names), "10-a.json");
    assert.equal(chooseNetwork([OWN_FILE, "README"]), undefined);
  });

  test("is the one that was configured, and no other while that is missing", () => {
    const names = ["00-multus.conf", "10-b.conflist"];
    assert.equal(chooseNetwork(names, "10-b.conflist"), "10-b.conflist");
    assert.equal(chooseNetwork(names, "20-c.conflist"), undefined);
  });

  test("is not Multus', and not one that names our plugin itself", () => {
    for (const type of ["multus", "multus-shim"]) {
      const multus = readNetworkFile("00-multus.conf", JSON.stringify({ name: "multus-cni-network", type }));
      assert.match(
        whyNotBehind(multus) ?? "",
        /^00-multus\.conf is the network of Multus.*cni\.clusterNetwork$/,
      );
    }
    const text = generate("10-net.conflist", { name: "net", plugins: [{ type: "bridge" }] });
    assert.match(whyNotBehind(readNetworkFile("20-hand.conflist", text)) ?? "", /cni\.chained: false$/);
    const usual = readNetworkFile("10-net.conflist", '{"name": "net", "plugins": [{"type": "bridge"}]}');
    assert.equal(whyNotBehind(usual), undefined);
    assert.equal(shapesBandwidth(usual), false);
  });

  for (const [what, file, text, place] of [
    ["is no JSON", "a.conflist", "{", "a.conflist"],
    ["is no object", "a.conflist", "[]", "a.conflist"],
    ["has no name", "a.conflist", '{"plugins": [{"type": "bridge"}]}', "a.conflist name"],
    ["is a list without plugins", "a.conflist", '{"name": "a", "plugins": []}', "a.conflist plugins"],
    [
      "is a list with a plugin without a type",
      "a.conflist",
      '{"name": "a", "plugins": [{}]}',
      "a.conflist plugins",
    ],
    ["is one plugin in a .conflist", "a.conflist", '{"name": "a", "type": "bridge"}', "a.conflist plugins"],
    ["is a list in a .conf", "a.conf", '{"name": "a", "plugins": [{"type": "bridge"}]}', "a.conf"],
  ] as const) {
    test(`is refused when it ${what}`, () => {
      assert.throws(
        () => readNetworkFile(file, text),
        (error) => error instanceof InvalidValueError && error.place === place,
      );
    });
  }
});
