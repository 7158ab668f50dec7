import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UsedDevice } from "../../../src/attachment/request.ts";
import { type Resolved, resolveReferences } from "../../../src/attachment/resolve.ts";
import type { NetworkReference } from "../../../src/model/attachment.ts";
import { parseManifest } from "../../../src/model/manifest.ts";
import type { AssignedDevice } from "../../../src/model/pod.ts";
import type { NetworkCatalog } from "../../../src/model/ports.ts";

const pod = { namespace: "shop", name: "web", uid: "1" };
const NICS = "lanyard.dev/nics";

const objects = [
  document("LinkProfile", "over", {
    type: "macvlan",
    parent: "up0",
    mtu: 1400,
    qosClassName: "silver",
    ipam: { type: "static", addresses: [{ address: "10.1.0.9/24", gateway: "10.1.0.1" }] },
    routes: [{ dst: "10.9.0.0/16", gw: "10.1.0.1" }],
  }),
  document("LinkProfile", "whole", { type: "hostDevice", resourceName: NICS }),
  document("LinkProfile", "function", { type: "sriov", resourceName: "lanyard.dev/vfs" }),
  network("over", {}),
  network("whole", {}),
  network("function", {}),
  network("off", { enabled: false }),
  network("foreign", { provider: "example.com/other" }),
  network("gated", { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "bank" } } }, "over"),
  network("own", { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } }, "over"),
  document("PodNetwork", "bare", {}),
  document("QosClass", "silver", { egress: { ceiling: "50M" } }),
  document("QosClass", "gold", { egress: { ceiling: "500M" } }),
  {
    ...document("PodNetworkAttachment", "tuned", {
      podNetworkName: "over",
      mac: "02:00:00:00:00:05",
      qosClassName: "gold",
    }),
    metadata: { name: "tuned", namespace: "shop" },
  },
].map((each) => parseManifest(each, "test"));

function document(kind: string, name: string, spec: Record<string, unknown>) {
  return { apiVersion: "lanyard.dev/v1alpha1", kind, metadata: { name }, spec };
}

function network(name: string, spec: Record<string, unknown>, profile = name) {
  return document("PodNetwork", name, {
    parametersRefs: [{ group: "lanyard.dev", kind: "LinkProfile", name: profile }],
    ...spec,
  });
}

const find = (kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.name === name) as never;
const catalog: NetworkCatalog = {
  podNetwork: (name) => find("PodNetwork", name),
  linkProfile: (name) => find("LinkProfile", name),
  qosClass: (name) => find("QosClass", name),
  podNetworkAttachment: (namespace, name) =>
    namespace === "shop" ? find("PodNetworkAttachment", name) : undefined,
  onChange: () => () => {},
};

function reference(name: string, more: Partial<NetworkReference> = {}): NetworkReference {
  return {
    target: { kind: "PodNetwork", name },
    interfaceName: "net1",
    ips: [],
    isDefaultGateway: false,
    ...more,
  };
}

function resolve(
  references: readonly NetworkReference[],
  assigned: readonly AssignedDevice[] = [],
  held: ReadonlyMap<string, UsedDevice> = new Map(),
): Promise<Resolved[]> {
  const devices = {
    findDevice: (_resource: string, id: string) =>
      id === "vanished"
        ? undefined
        : ({
            kind: "hostDevice",
            id,
            link: id,
            topology: [],
            access: { nodes: [], mounts: [], info: {} },
            health: { isHealthy: true },
          } as const),
    bandwidthResource: () => undefined,
  };
  const sources = { catalog, assignments: { assignedTo: async () => assigned }, devices };
  return resolveReferences({ pod, namespacePath: "/x", references }, sources, held);
}

async function requestOf(one: NetworkReference) {
  const [resolved] = await resolve([one]);
  assert.ok(resolved !== undefined && "request" in resolved, JSON.stringify(resolved));
  return resolved.request;
}

async function errorOf(one: NetworkReference, assigned: readonly AssignedDevice[] = []): Promise<string> {
  const [resolved] = await resolve([one], assigned);
  assert.ok(resolved !== undefined && "error" in resolved);
  return resolved.error.message;
}

const nic = (id: string, container = "main") => ({ resource: NICS, id, container });

describe("resolving a pod's references", () => {
  test("takes what the reference leaves open from the profile", async () => {
    const request = await requestOf(reference("over"));
    assert.deepEqual(request.link, { type: "macvlan", parent: "up0", mode: "bridge" });
    assert.deepEqual(request.addresses, ["10.1.0.9/24"]);
    assert.deepEqual(request.routes, [{ destination: "10.9.0.0/16", gateway: "10.1.0.1" }]);
    assert.equal(request.mtu, 1400);
    assert.equal(request.qosClass?.name, "silver");
  });

  test("lets the reference win over the tuned attachment, and that over the profile", async () => {
    const tuned = { kind: "PodNetworkAttachment", name: "tuned" } as const;
    const plain = await requestOf(reference("", { target: tuned }));
    assert.equal(plain.qosClass?.name, "gold");
    assert.equal(plain.mac, "02:00:00:00:00:05");
    const own = await requestOf(
      reference("", {
        target: tuned,
        qosClassName: "silver",
        mac: "02:00:00:00:00:06",
        ips: ["10.1.0.7/24"],
      }),
    );
    assert.equal(own.qosClass?.name, "silver");
    assert.equal(own.mac, "02:00:00:00:00:06");
    assert.deepEqual(own.addresses, ["10.1.0.7/24"]);
  });

  test("adds the default route of the address family by the profile's gateway", async () => {
    const request = await requestOf(reference("over", { isDefaultGateway: true }));
    assert.deepEqual(request.routes.at(-1), { destination: "0.0.0.0/0", gateway: "10.1.0.1" });
    const message = await errorOf(reference("whole", { isDefaultGateway: true }), [nic("a")]);
    assert.match(
      message,
      /LinkProfile "whole" names no gateway; expected one in spec\.ipam\.addresses\[\]\.gateway/,
    );
  });

  test("gives each reference to a resource the next device the kubelet gave, in its order", async () => {
    const resolved = await resolve(
      [reference("whole"), reference("whole", { interfaceName: "net2" })],
      [nic("b", "first"), { resource: "lanyard.dev/other", id: "x", container: "first" }, nic("a", "second")],
    );
    const devices = resolved.map(
      (each) => "request" in each && each.request.link.type === "hostDevice" && each.request.link.device,
    );
    assert.deepEqual(devices, [nic("b", "first"), nic("a", "second")]);
  });

  test("leaves an interface the device it holds, whatever else is asked for", async () => {
    const held = new Map([["net2", nic("b")]]);
    const resolved = await resolve(
      [reference("whole", { interfaceName: "net5" }), reference("whole", { interfaceName: "net2" })],
      [nic("b"), nic("a")],
      held,
    );
    const ids = resolved.map(
      (each) => "request" in each && each.request.link.type === "hostDevice" && each.request.link.device.id,
    );
    assert.deepEqual(ids, ["a", "b"]);
  });

  const mistakes: [string, NetworkReference, RegExp, AssignedDevice[]?][] = [
    ["an unknown network", reference("nowhere"), /pod shop\/web, interface net1: no PodNetwork "nowhere"/],
    ["an unknown class", reference("over", { qosClassName: "lead" }), /no QosClass "lead"/],
    ["a network that is switched off", reference("off"), /"off" is disabled \(spec\.enabled is false\)/],
    [
      "another provider's network",
      reference("foreign"),
      /belongs to provider example\.com\/other; this agent serves/,
    ],
    ["a network closed to the namespace", reference("gated"), /does not admit pods of namespace shop/],
    ["a network without a profile", reference("bare"), /names no LinkProfile in spec\.parametersRefs/],
    [
      "a type that cannot be attached",
      reference("function"),
      /has type sriov, which this version cannot attach; it can/,
    ],
    ["too few devices", reference("whole"), /no lanyard\.dev\/nics left; the pod was given 0\. Request one/],
    [
      "a device that is gone",
      reference("whole"),
      /has no host device "vanished" on this node now/,
      [nic("vanished")],
    ],
    [
      "an unknown tuned attachment",
      reference("", { target: { kind: "PodNetworkAttachment", name: "none" } }),
      /no PodNetworkAttachment "none" in namespace shop/,
    ],
  ];
  for (const [what, one, expected, assigned] of mistakes) {
    test(`says what is wrong with ${what}`, async () => {
      assert.match(await errorOf(one, assigned), expected);
    });
  }

  test("admits a namespace that a selector names", async () => {
    assert.equal((await requestOf(reference("own"))).podNetworkName, "own");
  });
});
