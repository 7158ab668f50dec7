import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  parsePluginInput,
  readRole,
  readValidAttachments,
  readWishes,
} from "../../../src/cni/plugin-input.ts";
import { cniErrorOf } from "../../../src/model/cni/error.ts";

const input = (entry: object) =>
  parsePluginInput(JSON.stringify({ cniVersion: "1.0.0", name: "net", type: "lanyard", ...entry }));

describe("what our entry in a network is there for", () => {
  for (const [what, entry, role] of [
    [
      "to attach the pod's networks",
      { attachPodNetworks: true },
      { kind: "podNetworks", shapesInterface: true },
    ],
    [
      "to attach them and leave the pod's own interface alone",
      { attachPodNetworks: true, shapeInterface: false },
      { kind: "podNetworks", shapesInterface: false },
    ],
    [
      "to be a PodNetwork",
      { podNetworkName: "fast", qosClassName: "gold", isDefaultGateway: true },
      {
        kind: "network",
        target: { kind: "PodNetwork", name: "fast" },
        qosClassName: "gold",
        isDefaultGateway: true,
      },
    ],
    [
      "to be a PodNetworkAttachment",
      { podNetworkAttachmentName: "tuned" },
      { kind: "network", target: { kind: "PodNetworkAttachment", name: "tuned" }, isDefaultGateway: false },
    ],
    ["to hold an interface to a class", { qosClassName: "gold" }, { kind: "shaping", qosClassName: "gold" }],
  ] as const) {
    test(`is ${what}`, () => assert.deepEqual(readRole(input(entry)), role));
  }

  for (const [what, entry, message] of [
    ["says nothing", {}, /expected what the plugin is for: .*podNetworkName/],
    [
      "says two things",
      { attachPodNetworks: true, podNetworkName: "fast" },
      /\{"attachPodNetworks":true,"podNetworkName":"fast"\} is not usable; expected only one of/,
    ],
    ["names no possible object", { podNetworkName: "Fast!" }, /podNetworkName: "Fast!" is not usable/],
    [
      "has a word where yes or no belongs",
      { attachPodNetworks: "yes" },
      /attachPodNetworks: "yes".*true or false/,
    ],
  ] as const) {
    test(`is not known when it ${what}`, () => {
      assert.throws(
        () => readRole(input(entry)),
        (error) => {
          const { code, msg } = cniErrorOf(error);
          assert.equal(code, 7);
          assert.match(msg, message);
          return true;
        },
      );
    });
  }
});

describe("what is told for one attachment", () => {
  test("is taken from the runtime first, and from the configuration's args where that says nothing", () => {
    const args = { cni: { ips: ["10.0.0.9/24"], mac: "02:00:00:00:00:09" } };
    const runtimeConfig = { ips: ["10.0.0.5/24"], mac: "02:00:00:00:00:05", deviceID: "0000:86:00.1" };
    assert.deepEqual(readWishes(input({ args, runtimeConfig, deviceID: "other" })), {
      ips: ["10.0.0.5/24"],
      mac: "02:00:00:00:00:05",
      deviceId: "0000:86:00.1",
      unknownKeys: [],
    });
    assert.deepEqual(readWishes(input({ args, deviceID: "other", pciBusID: "other" })), {
      ips: ["10.0.0.9/24"],
      mac: "02:00:00:00:00:09",
      deviceId: "other",
      unknownKeys: [],
    });
  });

  test("holds the pod's annotations where the runtime hands them over, also those of a pod that has none", () => {
    const annotations = (value: unknown) =>
      readWishes(input({ runtimeConfig: { "io.kubernetes.cri.pod-annotations": value } })).annotations;
    assert.deepEqual(annotations({ a: "b" }), { a: "b" });
    assert.deepEqual(annotations(null), {});
    assert.equal(readWishes(input({ runtimeConfig: {} })).annotations, undefined);
  });

  test("names keys that mean nothing", () => {
    assert.deepEqual(readWishes(input({ agent: {}, vlan: 5 })).unknownKeys, ["vlan"]);
  });
});

describe("standard input", () => {
  for (const [what, text, code] of [
    ["is no JSON", "{", 6],
    ["is no mapping", "[]", 7],
    ["is of a version that is not spoken", '{"cniVersion": "2.0.0", "name": "net"}', 1],
  ] as const) {
    test(`is refused with code ${code} when it ${what}`, () => {
      assert.throws(
        () => parsePluginInput(text),
        (error) => cniErrorOf(error).code === code,
      );
    });
  }

  test("of a GC says which sandboxes are there, and is refused when it does not", () => {
    const valid = [{ containerID: "box1", ifname: "eth0" }];
    assert.deepEqual(readValidAttachments(input({ "cni.dev/valid-attachments": valid })), [
      { sandbox: "box1", interfaceName: "eth0" },
    ]);
    assert.deepEqual(readValidAttachments(input({ "cni.dev/valid-attachments": [] })), []);
    assert.throws(() => readValidAttachments(input({})), {
      message: /cni\.dev\/valid-attachments.* is missing/,
    });
  });
});
