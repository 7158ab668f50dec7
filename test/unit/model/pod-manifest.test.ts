import assert from "node:assert/strict";
import test from "node:test";
import { parsePodManifest } from "../../../src/model/pod-manifest.ts";

const OURS = "lanyard.dev/networks";
const THEIRS = "k8s.v1.cni.cncf.io/networks";

function parse(annotations: Record<string, string>) {
  return parsePodManifest(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "shop", annotations },
      spec: { containers: [{ name: "main" }] },
    },
    "pod.yaml#1",
  );
}

/** `net1 shop/fast`: the interface and what it refers to. */
function networks(annotations: Record<string, string>): string[] {
  return parse(annotations).networks.map(({ interfaceName, target }) =>
    [
      interfaceName,
      target.kind === "NetworkAttachmentDefinition" ? `${target.namespace}/${target.name}` : target.kind,
    ].join(" "),
  );
}

test("a pod names NetworkAttachmentDefinitions of its own namespace or another in its manifest", () => {
  assert.deepEqual(networks({ [THEIRS]: "fast,bank/slow@data" }), ["net1 shop/fast", "data bank/slow"]);
});

test("both annotations of a pod count, and interfaces are named by their place in both", () => {
  const annotations = { [OURS]: '[{"podNetworkName": "over"}]', [THEIRS]: '[{"name": "fast"}]' };
  assert.deepEqual(networks(annotations), ["net1 shop/fast", "net2 PodNetwork"]);
});

test("two annotations cannot give one name to two interfaces, nor the pod two default ways", () => {
  const own = (more: object) => JSON.stringify([{ podNetworkName: "over", ...more }]);
  assert.throws(
    () => parse({ [OURS]: own({ interfaceName: "data" }), [THEIRS]: "fast@data" }),
    /pod\.yaml#1 metadata\.annotations interface: "data" is not usable; expected a name of its own/,
  );
  const gateway = JSON.stringify([{ name: "fast", "default-route": ["10.1.0.1"] }]);
  assert.throws(
    () => parse({ [OURS]: own({ isDefaultGateway: true }), [THEIRS]: gateway }),
    /expected only one network of the pod with a default route/,
  );
});

test("a mistake in an annotation of others is told with its place", () => {
  assert.throws(
    () => parse({ [THEIRS]: '[{"name": "fast", "mac": "x"}]' }),
    /^InvalidObjectError: pod\.yaml#1 metadata\.annotations k8s\.v1\.cni\.cncf\.io\/networks\[0\]\.mac: "x"/,
  );
});
