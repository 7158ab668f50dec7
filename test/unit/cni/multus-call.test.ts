import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseMultusCall, readClusterNetwork, refuseUnserved } from "../../../src/cni/multus-call.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a call at Multus' socket", () => {
  test("holds an environment, a configuration in base64, and what is wished of the interface", () => {
    const call = parseMultusCall(
      JSON.stringify({
        env: { CNI_COMMAND: "ADD", CNI_ARGS: "", CNI_PATH: "/usr/lib/cni", CNI_IFNAME: "eth1" },
        config: base64('{"name": "net"}'),
        interfaceAttributes: { ips: ["10.0.0.5/24"], mac: "02:00:00:00:00:05", "cni-args": { a: 1 } },
      }),
    );
    assert.deepEqual(Object.fromEntries(call.environment), {
      CNI_COMMAND: "ADD",
      CNI_ARGS: "",
      CNI_PATH: "/usr/lib/cni",
      CNI_IFNAME: "eth1",
    });
    assert.equal(call.configuration, '{"name": "net"}');
    assert.deepEqual(call.attributes, { ips: ["10.0.0.5/24"], mac: "02:00:00:00:00:05", cniArgs: { a: 1 } });
  });

  test("may leave out where programs are, as the dynamic-networks controller does, and the first interface", () => {
    const { environment } = parseMultusCall(JSON.stringify({ env: {}, config: base64("{}") }));
    assert.deepEqual(Object.fromEntries(environment), { CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" });
  });

  test("may wish for nothing, by saying so or not", () => {
    for (const interfaceAttributes of [undefined, null, {}, { ips: null, mac: "", "cni-args": null }]) {
      const call = parseMultusCall(JSON.stringify({ env: {}, config: base64("{}"), interfaceAttributes }));
      assert.deepEqual(call.attributes, { ips: [] });
    }
  });

  for (const [what, text, message] of [
    ["is no JSON", "{", /^the call at Multus' socket: "\{" is not usable/],
    [
      "has no environment",
      `{"config": "${base64("{}")}"}`,
      /env is missing; expected a mapping with CNI_COMMAND/,
    ],
    ["has no configuration", '{"env": {}}', /config is missing; expected the configuration in base64/],
    [
      "wishes for what is no address",
      `{"env": {}, "config": "${base64("{}")}", "interfaceAttributes": {"ips": ["here"]}}`,
      /interfaceAttributes\.ips\[0\]: "here" is not usable/,
    ],
  ] as const) {
    test(`is refused when it ${what}`, () =>
      assert.throws(() => parseMultusCall(text), { code: "invalid", message }));
  }
});

describe("the cluster's network in Multus' configuration", () => {
  test("is the first of its delegates, otherwise the one that is named", () => {
    const inline = readClusterNetwork({
      delegates: [{ name: "net", type: "bridge" }],
      clusterNetwork: "other",
    });
    assert.equal(inline.kind === "configuration" && inline.configuration.name, "net");
    assert.deepEqual(readClusterNetwork({ clusterNetwork: "net" }), { kind: "name", name: "net" });
    const path = "/etc/cni/net.d/10-net.conflist";
    assert.deepEqual(readClusterNetwork({ clusterNetwork: path }), { kind: "path", name: path });
  });

  test("is missed where it is not named", () => {
    assert.throws(() => readClusterNetwork({ delegates: [] }), {
      message: /clusterNetwork is missing; expected the name/,
    });
  });
});

describe("what Multus' configuration says besides", () => {
  const one = { type: "bridge" };

  test("is passed over where it changes no pod's networks", () => {
    const plain = { delegates: [one], defaultNetworks: [], namespaceIsolation: false, logLevel: "debug" };
    refuseUnserved(plain, false);
    refuseUnserved({ clusterNetwork: "cluster", namespaceIsolation: true }, true);
  });

  test("is refused where pods would lack networks, or have those of others", () => {
    for (const [written, message] of [
      [
        { delegates: [one, one] },
        /^configuration of multus delegates: .* name the others in cni\.defaultNetworks$/,
      ],
      [
        { defaultNetworks: ["fast"] },
        /^configuration of multus defaultNetworks: \["fast"\] is not usable; expected none/,
      ],
      [{ namespaceIsolation: true }, /namespaceIsolation: true .* or cni\.namespaceIsolation: true$/],
    ] as const) {
      assert.throws(() => refuseUnserved(written, false), { code: "invalid", message });
    }
  });
});
