import assert from "node:assert/strict";
import { test } from "node:test";
import { leasesIn, linksOf } from "../cluster-network.ts";
import { addressesOf, MANIFESTS, NETWORKS, networks, runIn } from "./networks.ts";
import { LanyardNode } from "./node.ts";

const PATIENCE = { timeout: 120_000 };

/** Fails when the networks before it are made. */
const REFUSING = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
until nsenter --net="$CNI_NETNS" ip link show net2; do sleep 0.05; done >/dev/null 2>&1
echo '{"cniVersion": "1.0.0", "code": 100, "msg": "not today"}'
exit 1
`;

function ours(...list: readonly Readonly<Record<string, unknown>>[]): Record<string, string> {
  return { "lanyard.dev/networks": JSON.stringify(list) };
}

test("pods get the networks of their annotations, in every form, and give them back", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const forms: readonly [Record<string, string>, string, string][] = [
    [{ [NETWORKS]: "written" }, "net1", "10.40.0.9/24"],
    [{ [NETWORKS]: "default/written@fast0" }, "fast0", "10.40.0.9/24"],
    [networks({ name: "asked", interface: "data", ips: ["10.40.0.7/24"] }), "data", "10.40.0.7/24"],
    [networks({ name: "leased" }), "net1", "10.41.0.2/24"],
    [networks({ name: "foreign" }), "net1", "10.43.0.2/24"],
    [networks({ name: "chained" }), "net1", "10.44.0.9/24"],
    [ours({ podNetworkName: "over" }), "net1", "10.42.0.1/24"],
    [ours({ podNetworkName: "over", interfaceName: "data", ips: ["10.45.0.5/24"] }), "data", "10.45.0.5/24"],
  ];
  for (const [annotations, interfaceName, address] of forms) {
    const id = await rig.runSandbox({ name: "alpha", annotations });
    const path = await rig.namespacePath(id);
    assert.deepEqual(linksOf(path), ["eth0", interfaceName, "lo"].sort(), JSON.stringify(annotations));
    assert.ok(addressesOf(path, interfaceName).includes(address), JSON.stringify(annotations));
    const { attachments } = await node.control.status();
    assert.deepEqual(
      attachments.map(({ pod, interfaceName, state, owner }) => [pod.name, interfaceName, state, owner]),
      [["alpha", interfaceName, "attached", { sandbox: id, interfaceName: "eth0", network: "cluster" }]],
    );
    await rig.remove(id);
    await node.isClean();
    for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
  }
});

test(
  "a pod that asks for nothing gets the cluster's network as it is, and no attachment",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    for (const more of [{ annotations: { app: "web" } }, {}]) {
      const id = await node.rig.runSandbox({ name: "alpha", ...more });
      assert.deepEqual(linksOf(await node.rig.namespacePath(id)), ["eth0", "lo"]);
      assert.deepEqual((await node.control.status()).attachments, []);
      await node.rig.remove(id);
      await node.isClean();
    }
  },
);

test("a chain's later plugins change the interface of its first", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const id = await rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "chained" } });
  const path = await rig.namespacePath(id);
  assert.match(runIn(path, "ip", "link", "show", "net1"), /mtu 1300/);
  assert.equal(runIn(path, "cat", "/proc/sys/net/ipv4/conf/net1/arp_filter").trim(), "1");
  assert.match(runIn(path, "tc", "class", "show", "dev", "net1"), /ceil 8Mbit/);
  await rig.remove(id);
  await node.isClean();
});

test("a pod's default route and its eth0's limits are as its annotations say", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const id = await rig.runSandbox({
    name: "alpha",
    annotations: {
      ...networks({ name: "chained", "default-route": ["10.44.0.1"] }),
      "kubernetes.io/egress-bandwidth": "10M",
      "kubernetes.io/ingress-bandwidth": "20M",
    },
  });
  const path = await rig.namespacePath(id);
  assert.match(runIn(path, "ip", "route", "show", "default"), /^default via 10\.44\.0\.1 dev net1[^\n]*\n$/);
  assert.match(runIn(path, "tc", "class", "show", "dev", "eth0"), /ceil 10Mbit/);
  const { attachments } = await node.control.status();
  const eth0 = attachments.find(({ interfaceName }) => interfaceName === "eth0");
  assert.equal(eth0?.type, "standing");
  assert.equal(eth0?.qos?.egressCeiling, 10_000_000);
  assert.equal(eth0?.qos?.ingressCeiling, 20_000_000);
  await rig.remove(id);
  await node.isClean();
});

for (const [what, annotation, message] of [
  ["is not there", "leased,nothing", /nothing/],
  ["needs a link that is not there", "leased,foreign,broken", /sys-none/],
  ["fails when the others are made", "leased,foreign,refused", /refusing ADD: not today/],
] as const) {
  test(`a pod with a network that ${what} does not start, and nothing is left of it`, PATIENCE, async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    node.rig.writeProgram("refusing", REFUSING);
    const wish = { name: "alpha", annotations: { [NETWORKS]: annotation } };
    await assert.rejects(node.rig.runSandbox(wish), message);
    assert.deepEqual(await node.rig.runtime.sandboxes(), new Set());
    await node.isClean();
    for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
  });
}

test("the oldest containerd does the same", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS, { version: "oldest" });
  const { rig } = node;
  const id = await rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "leased,foreign" } });
  assert.deepEqual(linksOf(await rig.namespacePath(id)), ["eth0", "lo", "net1", "net2"]);
  await rig.remove(id);
  await node.isClean();
  for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
});

test("as the only plugin of the cluster's network, lanyard makes eth0", PATIENCE, async () => {
  const onlyPlugin = { podNetworkName: "over" };
  await using node = await LanyardNode.start(MANIFESTS, { cni: { chained: false }, onlyPlugin });
  const { rig } = node;
  const id = await rig.runSandbox({ name: "alpha" });
  const path = await rig.namespacePath(id);
  assert.deepEqual(linksOf(path), ["eth0", "lo"]);
  assert.deepEqual(addressesOf(path, "eth0"), ["10.42.0.1/24"]);
  await rig.remove(id);
  await node.isClean();
});
