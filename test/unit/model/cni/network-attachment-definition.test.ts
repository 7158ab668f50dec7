import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworkAttachmentDefinition } from "../../../../src/model/cni/network-attachment-definition.ts";
import { manifestKey, parseManifest } from "../../../../src/model/manifest.ts";
import { mistakesOf } from "./refusals.ts";

const definition = (spec: unknown, metadata: object = {}) => ({
  apiVersion: "k8s.cni.cncf.io/v1",
  kind: "NetworkAttachmentDefinition",
  metadata: { name: "fast", ...metadata },
  spec,
});
const parse = (document: unknown) => parseNetworkAttachmentDefinition(document, "n.yaml#1");

test("a definition is read with its configuration, its name for it, and its resource", () => {
  const annotations = { "k8s.v1.cni.cncf.io/resourceName": "intel.com/vfs", other: "x" };
  const config = '{"cniVersion": "1.0.0", "type": "sriov", "vlan": 5}';
  assert.deepEqual(parse(definition({ config }, { namespace: "storage", annotations })), {
    kind: "NetworkAttachmentDefinition",
    namespace: "storage",
    name: "fast",
    configuration: {
      cniVersion: "1.0.0",
      name: "fast",
      disableCheck: false,
      disableGc: false,
      plugins: [{ type: "sriov", capabilities: {}, written: { type: "sriov", vlan: 5 } }],
    },
    resourceName: "intel.com/vfs",
  });
});

test("a definition without a configuration means one on the node's disk", () => {
  for (const spec of [undefined, null, {}, { config: "" }, { config: " \n" }]) {
    assert.deepEqual(parse(definition(spec)), {
      kind: "NetworkAttachmentDefinition",
      namespace: "default",
      name: "fast",
    });
  }
});

test("a definition is one of the objects of a manifest", () => {
  const manifest = parseManifest(
    definition({ config: '{"type": "macvlan"}' }, { namespace: "a" }),
    "n.yaml#1",
  );
  assert.equal(manifestKey(manifest), "NetworkAttachmentDefinition a/fast");
});

for (const [what, document, message] of [
  [
    "another version of the API",
    { ...definition({}), apiVersion: "k8s.cni.cncf.io/v2" },
    'n.yaml#1 apiVersion: "k8s.cni.cncf.io/v2" is not usable; expected one of k8s.cni.cncf.io/v1; did you mean "k8s.cni.cncf.io/v1"?',
  ],
  [
    "a configuration that is no text",
    definition({ config: { type: "macvlan" } }),
    `n.yaml#1 spec.config: {"type":"macvlan"} is not usable; expected a network's configuration as text`,
  ],
  [
    "a plugin without a type",
    definition({ config: '{"plugins": [{}]}' }),
    "n.yaml#1 spec.config plugins[0].type is missing; expected the name of a plugin such as macvlan, without '/' and spaces",
  ],
  [
    "a resource without a prefix",
    definition({}, { annotations: { "k8s.v1.cni.cncf.io/resourceName": "vfs" } }),
    'n.yaml#1 metadata.annotations["k8s.v1.cni.cncf.io/resourceName"]: "vfs" is not usable; expected a resource with its prefix, such as lanyard.dev/nics; kubernetes.io and requests. are not for this',
  ],
] as const) {
  test(`${what} is refused`, () =>
    assert.deepEqual(
      mistakesOf(() => parse(document)),
      [message],
    ));
}
