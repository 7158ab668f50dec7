import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePodReferences } from "../../../src/model/pod-references.ts";

const SELECTION = "k8s.v1.cni.cncf.io/networks";
const NETWORKS = "lanyard.dev/networks";

const read = (annotations: Record<string, string>, defaultNetworks: readonly string[] = []) =>
  parsePodReferences(annotations, "blue", "pod blue/alpha", defaultNetworks);

const names = (...call: Parameters<typeof read>) =>
  read(...call).map(({ target, interfaceName }) => {
    const namespace = "namespace" in target ? `${target.namespace}/` : "";
    return `${interfaceName} ${namespace}${"name" in target ? target.name : ""}`;
  });

describe("the networks of a pod", () => {
  const table: readonly [string, Record<string, string>, readonly string[], readonly string[]][] = [
    ["are none where it names none", {}, [], []],
    ["are none where its annotations are empty", { [SELECTION]: " ", [NETWORKS]: "" }, [], []],
    ["are those that every pod gets", {}, ["store/backup", "fast"], ["net1 store/backup", "net2 blue/fast"]],
    [
      "are named by their position in the whole list, in the order default, selected, our own",
      { [SELECTION]: "fast,store/backup", [NETWORKS]: '[{"podNetworkName": "over"}]' },
      ["all"],
      ["net1 blue/all", "net2 blue/fast", "net3 store/backup", "net4 over"],
    ],
    [
      "keep the names they are given, and positions count those, too",
      { [SELECTION]: "fast@data,backup", [NETWORKS]: '[{"podNetworkName": "over"}]' },
      [],
      ["data blue/fast", "net2 blue/backup", "net3 over"],
    ],
    [
      "are what our own annotation says alone, as before there was another",
      { [NETWORKS]: '[{"podNetworkName": "over"}, {"podNetworkAttachmentName": "tuned"}]' },
      [],
      ["net1 over", "net2 tuned"],
    ],
  ];
  for (const [what, annotations, defaults, expected] of table) {
    test(what, () => assert.deepEqual(names(annotations, defaults), expected));
  }

  test("have names of their own also between the two annotations", () => {
    const annotations = {
      [SELECTION]: "fast",
      [NETWORKS]: '[{"podNetworkName": "over", "interfaceName": "net1"}]',
    };
    const message = /^pod blue\/alpha interface: "net1" is not usable; expected a name of its own/;
    assert.throws(() => read(annotations), { code: "invalid", message });
  });

  test("have one default route between the two annotations", () => {
    const annotations = {
      [SELECTION]: '[{"name": "fast", "default-route": ["10.0.0.1"]}]',
      [NETWORKS]: '[{"podNetworkName": "over", "isDefaultGateway": true}]',
    };
    const message = /"net2" is not usable; expected only one network of the pod with a default route$/;
    assert.throws(() => read(annotations), { code: "invalid", message });
  });

  test("cannot replace the cluster's own", () => {
    const message = /^pod blue\/alpha v1\.multus-cni\.io\/default-network: .*for a further interface$/;
    assert.throws(() => read({ "v1.multus-cni.io/default-network": "fast" }), {
      code: "unsupported",
      message,
    });
  });

  test("are not passed over where our annotation is misspelt", () => {
    const expected =
      "one of lanyard.dev/networks, lanyard.dev/network-namespace, lanyard.dev/network-status, or another prefix";
    for (const name of ["lanyard.dev/network", "lanyard.dev/Networks", "lanyard.dev/qos"]) {
      const message = `pod blue/alpha annotation: "${name}" is not usable; expected ${expected}`;
      assert.throws(() => read({ [name]: '[{"podNetworkName": "over"}]' }), { code: "invalid", message });
    }
    assert.deepEqual(
      read({
        "lanyard.dev/network-namespace": "/run/netns/blue",
        "lanyard.dev/network-status": "[]",
        "x.lanyard.dev/a": "b",
      }),
      [],
    );
  });

  test("that cannot be read are told with the annotation they stand in", () => {
    assert.throws(() => read({ [SELECTION]: "a/b/c" }), {
      message: /^pod blue\/alpha k8s\.v1\.cni\.cncf\.io\/networks/,
    });
    assert.throws(() => read({ [NETWORKS]: "{" }), { message: /^pod blue\/alpha lanyard\.dev\/networks/ });
    assert.throws(() => read({}, ["a b"]), { message: /^cni\.defaultNetworks/ });
  });
});
