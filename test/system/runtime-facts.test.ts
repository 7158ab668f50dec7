// What the runtimes do that Lanyard's plugin builds upon: the facts are these tests.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { BRIDGE_NETWORK, leasesIn, removeBridge } from "./cluster-network.ts";
import { Recorder } from "./recorder.ts";
import { Rig } from "./rig.ts";

const ANNOTATIONS = "io.kubernetes.cri.pod-annotations";
const PATIENCE = { timeout: 60_000 };

/** A rig whose network is Debian's bridge with the recording plugin behind it. */
async function start(context: TestContext, cniVersion: string, version?: "newest" | "oldest") {
  const rig = await Rig.start(version);
  context.after(removeBridge);
  const recorder = new Recorder(rig);
  const entry = { type: "recorder", capabilities: { [ANNOTATIONS]: true, bandwidth: true } };
  const plugins = [...BRIDGE_NETWORK.plugins, entry];
  rig.writeNetwork("10-bridge.conflist", { ...BRIDGE_NETWORK, cniVersion, plugins });
  await rig.networkReady();
  return { rig, recorder, commands: () => recorder.calls().map(({ command }) => command) };
}

for (const version of ["newest", "oldest"] as const) {
  test(
    `the ${version} containerd tells a plugin a pod's name, annotations and bandwidth`,
    PATIENCE,
    async (context) => {
      const { rig: started, recorder, commands } = await start(context, "1.0.0", version);
      await using rig = started;
      const annotations = { "k8s.v1.cni.cncf.io/networks": "fast", "kubernetes.io/egress-bandwidth": "10M" };
      const id = await rig.runSandbox({ name: "alpha", uid: "uid-1", annotations });
      const add = await recorder.called("ADD");
      assert.equal(add.containerId, id);
      assert.equal(add.interfaceName, "eth0");
      assert.equal(add.configuration.cniVersion, "1.0.0");
      // The order is another one each time.
      assert.deepEqual(add.args.split(";").sort(), [
        "IgnoreUnknown=1",
        `K8S_POD_INFRA_CONTAINER_ID=${id}`,
        "K8S_POD_NAME=alpha",
        "K8S_POD_NAMESPACE=default",
        "K8S_POD_UID=uid-1",
      ]);
      // Spelt unlike the specification's ingressRate; bits per second, and a burst without end.
      assert.deepEqual(add.configuration.runtimeConfig, {
        bandwidth: { IngressRate: 0, IngressBurst: 0, EgressRate: 10_000_000, EgressBurst: 2 ** 32 - 1 },
        [ANNOTATIONS]: annotations,
      });

      await rig.remove(id);
      // Once for StopPodSandbox and once for RemovePodSandbox, which finds no result any more; never CHECK or GC.
      assert.deepEqual(commands(), ["ADD", "DEL", "DEL"]);
      const deletions = recorder.calls().filter(({ command }) => command === "DEL");
      assert.deepEqual(
        deletions.map(({ configuration }) => configuration.prevResult === undefined),
        [false, true],
      );
      assert.deepEqual(
        deletions.map(({ namespacePath }) => namespacePath === add.namespacePath),
        [true, false],
      );
      assert.deepEqual(deletions[1]?.configuration.runtimeConfig?.[ANNOTATIONS], annotations);
    },
  );
}

test(
  "containerd asks for STATUS whenever it is asked whether the network is ready, and starts pods all the same",
  PATIENCE,
  async (context) => {
    const { rig: started, recorder, commands } = await start(context, "1.1.0");
    await using rig = started;
    assert.deepEqual(commands(), ["STATUS"]);
    assert.equal(await rig.networkTrouble(), "");
    assert.deepEqual(commands(), ["STATUS", "STATUS"]);
    recorder.fail("STATUS", 50, "the agent is away");
    assert.match(await rig.networkTrouble(), /the agent is away/);
    const id = await rig.runSandbox({ name: "alpha" });
    await rig.remove(id);
    assert.deepEqual(commands(), ["STATUS", "STATUS", "STATUS", "ADD", "DEL", "DEL"]);
    recorder.succeed("STATUS");
    assert.equal(await rig.networkTrouble(), "");
  },
);

test(
  "containerd takes back an ADD that failed, and tells nothing of its sandbox before",
  PATIENCE,
  async (context) => {
    const { rig: started, recorder, commands } = await start(context, "1.0.0");
    await using rig = started;
    const release = recorder.hold("ADD");
    recorder.fail("ADD", 11, "not now");
    const failing = assert.rejects(rig.runSandbox({ name: "alpha" }), /not now/);
    const { containerId, namespacePath } = await recorder.called("ADD");
    assert.deepEqual(await rig.runtime.sandboxes(), new Set());
    assert.equal(await rig.runtime.sandbox(containerId), undefined);
    release();
    await failing;
    assert.deepEqual(commands(), ["ADD", "DEL"]);
    const deletion = recorder.calls()[1];
    assert.equal(deletion?.containerId, containerId);
    assert.equal(deletion?.namespacePath, namespacePath);
    assert.equal(deletion?.configuration.prevResult, undefined);
    assert.deepEqual(await rig.runtime.sandboxes(), new Set());
  },
);

test(
  "containerd forgets a sandbox whose ADD and DEL failed, and what is before us stays",
  PATIENCE,
  async (context) => {
    const { rig: started, recorder, commands } = await start(context, "1.0.0");
    await using rig = started;
    recorder.fail("ADD", 11, "not now");
    recorder.fail("DEL", 11, "not now either");
    await assert.rejects(rig.runSandbox({ name: "alpha" }), /not now/);
    const [{ containerId = "" } = {}] = recorder.calls();
    assert.deepEqual(commands(), ["ADD", "DEL"]);
    assert.deepEqual(await rig.runtime.sandboxes(), new Set());
    assert.equal(await rig.runtime.sandbox(containerId), undefined);
    // Plugins are called in reverse for DEL, so that the bridge never hears of it.
    assert.equal(leasesIn().length, 1);
  },
);

test("containerd keeps a sandbox whose DEL failed until a later one succeeds", PATIENCE, async (context) => {
  const { rig: started, recorder, commands } = await start(context, "1.0.0");
  await using rig = started;
  const id = await rig.runSandbox({ name: "alpha" });
  recorder.fail("DEL", 11, "not now");
  await assert.rejects(rig.stop(id), /not now/);
  assert.deepEqual(await rig.runtime.sandboxes(), new Set([id]));
  recorder.succeed("DEL");
  await rig.remove(id);
  assert.deepEqual(commands(), ["ADD", "DEL", "DEL", "DEL"]);
  assert.equal(leasesIn().length, 0);
});

test("a pod without annotations has null in the place of its annotations", PATIENCE, async (context) => {
  const { rig: started, recorder } = await start(context, "1.0.0");
  await using rig = started;
  await rig.runSandbox({ name: "alpha" });
  const add = await recorder.called("ADD");
  assert.deepEqual(add.configuration.runtimeConfig, { [ANNOTATIONS]: null });
});

test("containerd calls DEL with no namespace when that is gone", PATIENCE, async (context) => {
  const { rig: started, recorder } = await start(context, "1.0.0");
  await using rig = started;
  const id = await rig.runSandbox({ name: "alpha" });
  const path = await rig.namespacePath(id);
  await rig.kill(id);
  execFileSync("umount", ["-n", path]);
  rmSync(path);
  await rig.remove(id);
  assert.deepEqual(
    recorder.calls().map(({ command, namespacePath }) => [command, namespacePath !== ""]),
    [
      ["ADD", true],
      ["DEL", false],
      ["DEL", false],
    ],
  );
});
