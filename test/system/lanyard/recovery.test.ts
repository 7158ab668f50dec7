import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { leasesIn, linksOf } from "../cluster-network.ts";
import { MANIFESTS, NETWORKS, networks } from "./networks.ts";
import { LanyardNode } from "./node.ts";

const PATIENCE = { timeout: 120_000 };

/** Kills a sandbox behind the runtime's back, and its network namespace with it. */
async function takeNamespace({ rig }: LanyardNode, id: string): Promise<void> {
  const path = await rig.namespacePath(id);
  await rig.kill(id);
  execFileSync("umount", ["-n", path]);
  rmSync(path);
}

/** Holds a sandbox' network namespace, which is put back to its place when the runtime has removed it there. */
async function holdNamespace({ rig }: LanyardNode, id: string) {
  const path = await rig.namespacePath(id);
  const holder = `${path}-held`;
  const mount = (from: string, to: string) => {
    writeFileSync(to, "");
    execFileSync("mount", ["-n", "--bind", from, to]);
  };
  mount(path, holder);
  return {
    path,
    putBack: () => mount(holder, path),
    async [Symbol.asyncDispose]() {
      for (const each of [path, holder]) {
        // The agent may look at it just now.
        spawnSync("umount", ["-n", "--lazy", each], { stdio: "ignore" });
        rmSync(each, { force: true });
      }
    },
  };
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`after ${signal} the next agent takes back what the one before it made`, PATIENCE, async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    const annotations = { [NETWORKS]: "written,leased,foreign" };
    const id = await node.rig.runSandbox({ name: "alpha", annotations });
    await node.endAgent(signal);
    assert.deepEqual(linksOf(await node.rig.namespacePath(id)), ["eth0", "lo", "net1", "net2", "net3"]);
    await node.startAgent();
    const { attachments } = await node.control.status();
    assert.equal(attachments.length, 3);
    await node.rig.remove(id);
    await node.isClean();
    for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
  });
}

test(
  "an agent killed during ADDs leaves nothing that the next one does not take back",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    const { rig } = node;
    const annotations = networks({ name: "leased" }, { name: "foreign" });
    const names = Array.from({ length: 12 }, (_, number) => `storm-${number}`);
    const starting = Promise.allSettled(names.map((name) => rig.runSandbox({ name, annotations })));
    await node.until("some are attached", ({ attachments }) => attachments.length > 2);
    await node.endAgent("SIGKILL");
    await node.startAgent();
    const ids = (await starting).flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    for (const id of ids) {
      assert.deepEqual(linksOf(await rig.namespacePath(id)), ["eth0", "lo", "net1", "net2"]);
    }
    await Promise.all([...(await rig.runtime.sandboxes())].map((id) => rig.remove(id)));
    await node.isClean();
    for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
  },
);

test("a sandbox whose namespace is gone is taken back by its DEL", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const id = await rig.runSandbox({ name: "alpha", annotations: { [NETWORKS]: "leased,foreign" } });
  await takeNamespace(node, id);
  await rig.remove(id);
  await node.isClean();
  for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
});

test("what belongs to a sandbox whose namespace is gone is released without any DEL", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const annotations = { [NETWORKS]: "leased,foreign" };
  const kept = await rig.runSandbox({ name: "kept", annotations });
  const lost = await rig.runSandbox({ name: "lost", annotations });
  await takeNamespace(node, lost);
  await node.until("the lost one is released", ({ attachments }) => attachments.length === 2);
  for (const network of ["leased", "foreign"]) assert.equal(leasesIn(network).length, 1);
  assert.deepEqual(linksOf(await rig.namespacePath(kept)), ["eth0", "lo", "net1", "net2"]);
  for (const id of [lost, kept]) await rig.remove(id);
  await node.isClean();
  for (const network of ["leased", "foreign"]) assert.deepEqual(leasesIn(network), []);
});

test(
  "what the runtime forgot while the agent was away is released at its start, and nothing else",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    const { rig } = node;
    const annotations = { [NETWORKS]: "leased" };
    const kept = await rig.runSandbox({ name: "kept", annotations });
    const lost = await rig.runSandbox({ name: "lost", annotations });
    await node.endAgent();
    await node.takeOut();
    await rig.remove(lost);
    assert.equal(leasesIn("leased").length, 2);
    await node.startAgent();
    await node.until("the lost one is released", ({ attachments }) => attachments.length === 1);
    assert.equal(leasesIn("leased").length, 1);
    assert.deepEqual(linksOf(await rig.namespacePath(kept)), ["eth0", "lo", "net1"]);
    await rig.networkHas("bridge", "lanyard");
    await rig.remove(kept);
    await node.isClean();
    assert.deepEqual(leasesIn("leased"), []);
  },
);

test(
  "what runtime and kubelet have both forgotten is released though its namespace is there, and nothing else",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    const { rig } = node;
    await using kubelet = await node.startKubelet();
    const run = async (name: string) => {
      const pod = { namespace: "default", name, uid: `uid-${name}` };
      await kubelet.admit(pod, []);
      return await rig.runSandbox({ ...pod, annotations: { [NETWORKS]: "leased" } });
    };
    const ids = { kept: await run("kept"), late: await run("late"), lost: await run("lost") };
    // For a runtime that has lost its books: it knows of two sandboxes no more, and their namespaces stand.
    await node.endAgent();
    await node.takeOut();
    await using late = await holdNamespace(node, ids.late);
    await using lost = await holdNamespace(node, ids.lost);
    for (const [id, namespace] of [
      [ids.late, late],
      [ids.lost, lost],
    ] as const) {
      await rig.remove(id);
      namespace.putBack();
    }
    await kubelet.release({ uid: "uid-lost" });
    await node.startAgent();
    await node.until("the lost one is released", ({ attachments }) => attachments.length === 2);
    assert.deepEqual(linksOf(lost.path), ["lo"]);
    assert.deepEqual(linksOf(late.path), ["lo", "net1"]);
    assert.equal(leasesIn("leased").length, 2);

    await kubelet.release({ uid: "uid-late" });
    await node.until("the late one is released", ({ attachments }) => attachments.length === 1);
    assert.deepEqual(linksOf(await rig.namespacePath(ids.kept)), ["eth0", "lo", "net1"]);
    await rig.networkHas("bridge", "lanyard");
    await rig.remove(ids.kept);
    await node.isClean();
    assert.deepEqual(leasesIn("leased"), []);
  },
);

test(
  "a program that fails at DEL is asked again, and keeps no other network from being taken down",
  PATIENCE,
  async () => {
    await using node = await LanyardNode.start(MANIFESTS);
    const { rig } = node;
    const program = (onAdd: string, onDelete: string) =>
      rig.writeProgram("refusing", `#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] && { ${onDelete}; }\n${onAdd}\n`);
    const refuse = `echo '{"code": 100, "msg": "not today"}'; exit 1`;
    program(refuse, refuse);
    const annotations = { [NETWORKS]: "leased,refused" };
    await assert.rejects(rig.runSandbox({ name: "alpha", annotations }), /not today/);
    // The runtime has forgotten the sandbox by now: what its DEL did not reach stays for ever.
    assert.deepEqual(leasesIn(), []);
    assert.deepEqual(leasesIn("leased"), []);
    const { attachments } = await node.control.status();
    assert.deepEqual(
      attachments.map(({ interfaceName, state }) => [interfaceName, state]),
      [["net2", "detaching"]],
    );
    program(refuse, "exit 0");
    await node.isClean();
  },
);
