import assert from "node:assert/strict";
import { test } from "node:test";
import { leasesIn, linksOf } from "../cluster-network.ts";
import { MANIFESTS, NETWORKS } from "./networks.ts";
import { LanyardNode } from "./node.ts";

const PATIENCE = { timeout: 120_000 };

test("while the agent is away, DEL is queued, and done when it is back", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const id = await node.rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "leased" } });
  await node.endAgent();
  await node.rig.remove(id);
  assert.ok(node.spool.length > 0);
  assert.equal(leasesIn("leased").length, 1);
  await node.startAgent();
  await node.isClean();
  assert.deepEqual(leasesIn("leased"), []);
});

test("a DEL that was queued does not touch the sandbox that the pod has since", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const pod = { name: "alpha", uid: "uid-1", annotations: { [NETWORKS]: "written,leased" } };
  const first = await rig.runSandbox(pod);
  await node.endAgent();
  await rig.remove(first);
  const waiting = rig.runSandbox({ ...pod, attempt: 1 });
  await node.startAgent();
  const second = await waiting;
  assert.deepEqual(node.spool, []);
  assert.deepEqual(linksOf(await rig.namespacePath(second)), ["eth0", "lo", "net1", "net2"]);
  assert.equal(leasesIn("leased").length, 1);
  await rig.remove(second);
  await node.isClean();
  assert.deepEqual(leasesIn("leased"), []);
});

for (const [what, wish] of [
  ["has annotations that name no network", { name: "alpha", annotations: { app: "web" } }],
  ["has no annotations", { name: "alpha" }],
] as const) {
  test(`while the agent is away, a pod that ${what} starts at once`, PATIENCE, async () => {
    await using node = await LanyardNode.start(MANIFESTS, { cni: { waitSeconds: 10 } });
    await node.endAgent();
    const before = performance.now();
    const id = await node.rig.runSandbox(wish);
    assert.ok(performance.now() - before < 5_000);
    assert.deepEqual(linksOf(await node.rig.namespacePath(id)), ["eth0", "lo"]);
    await node.rig.remove(id);
    await node.startAgent();
    await node.isClean();
  });
}

test("while the agent is away, a pod that names a network waits for it", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  await node.endAgent();
  const waiting = node.rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "written" } });
  await node.startAgent();
  const id = await waiting;
  assert.deepEqual(linksOf(await node.rig.namespacePath(id)), ["eth0", "lo", "net1"]);
  await node.rig.remove(id);
  await node.isClean();
});

test(
  "a pod that names a network does not start without the agent, and nothing is left of it",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS, { cni: { waitSeconds: 1 } });
    await node.endAgent();
    const starting = node.rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "written" } });
    await assert.rejects(starting, /lanyard: the agent is away/);
    assert.deepEqual(leasesIn(), []);
    await node.startAgent();
    await node.isClean();
  },
);

test("the node is ready while the agent is away for a moment, and not for longer", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS, { cni: { graceSeconds: 2 } });
  await node.endAgent();
  assert.equal(await node.rig.networkTrouble(), "");
  await node.rig.networkLost();
  assert.match(await node.rig.networkTrouble(), /lanyard/);
  await node.startAgent();
  await node.rig.networkReady();
});
