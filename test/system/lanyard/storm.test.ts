import assert from "node:assert/strict";
import { test } from "node:test";
import { leasesIn, linksOf } from "../cluster-network.ts";
import { addressesOf, MANIFESTS, networks } from "./networks.ts";
import { LanyardNode } from "./node.ts";

const PODS = 50;

test("fifty sandboxes at once with two networks each all run, and leave nothing", {
  timeout: 180_000,
}, async (context) => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const before = performance.now();
  const ids = await Promise.all(
    Array.from({ length: PODS }, (_, number) =>
      rig.runSandbox({
        name: `storm-${number}`,
        annotations: networks({ name: "asked", ips: [`10.40.1.${number + 1}/24`] }, { name: "leased" }),
      }),
    ),
  );
  context.diagnostic(`all run after ${((performance.now() - before) / 1000).toFixed(1)} s`);
  for (const [number, id] of ids.entries()) {
    const path = await rig.namespacePath(id);
    assert.deepEqual(linksOf(path), ["eth0", "lo", "net1", "net2"]);
    assert.deepEqual(addressesOf(path, "net1"), [`10.40.1.${number + 1}/24`]);
  }
  assert.equal(leasesIn("leased").length, PODS);
  await Promise.all(ids.map((id) => rig.remove(id)));
  await node.isClean();
  assert.deepEqual(leasesIn("leased"), []);
});
