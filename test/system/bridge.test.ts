import assert from "node:assert/strict";
import { test } from "node:test";
import { BRIDGE, BRIDGE_NETWORK, leasesIn, linksOf, removeBridge, waitForLinks } from "./cluster-network.ts";
import { Rig } from "./rig.ts";

for (const version of ["newest", "oldest"] as const) {
  test(`the ${version} containerd gives a sandbox eth0 on Debian's bridge and takes it back`, async (context) => {
    await using rig = await Rig.start(version);
    context.after(removeBridge);
    rig.writeNetwork("10-bridge.conflist", BRIDGE_NETWORK);
    await rig.networkReady();
    const before = linksOf();

    const id = await rig.runSandbox({ name: "alpha" });
    const path = await rig.namespacePath(id);
    assert.deepEqual(linksOf(path), ["eth0", "lo"]);
    assert.deepEqual(await rig.runtime.sandboxes(), new Set([id]));
    const sandbox = await rig.runtime.sandbox(id);
    assert.equal(sandbox?.isReady, true);
    assert.equal(sandbox?.pod.name, "alpha");

    await rig.stop(id);
    assert.equal((await rig.runtime.sandbox(id))?.isReady, false);
    assert.deepEqual(await rig.runtime.sandboxes(), new Set([id]));
    await rig.remove(id);
    assert.equal(await rig.runtime.sandbox(id), undefined);
    assert.deepEqual(leasesIn(), []);
    await waitForLinks([...before, BRIDGE].sort());
  });
}

test("twenty sandboxes at once each get an address of their own, and leave nothing", async (context) => {
  await using rig = await Rig.start();
  context.after(removeBridge);
  rig.writeNetwork("10-bridge.conflist", BRIDGE_NETWORK);
  await rig.networkReady();
  const before = linksOf();
  const names = Array.from({ length: 20 }, (_, number) => `storm-${number}`);
  const ids = await Promise.all(names.map((name) => rig.runSandbox({ name })));
  assert.equal(leasesIn().length, 20);
  await Promise.all(ids.map((id) => rig.remove(id)));
  assert.deepEqual(leasesIn(), []);
  await waitForLinks([...before, BRIDGE].sort());
});
