import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { leaveSharedNamespace } from "../world.ts";
import { CniNode, PREVIOUS } from "./scene.ts";

/* What the runtime's calls come to while the agent starts, stops, is away or is another one. */

leaveSharedNamespace();

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const PATIENCE = { timeout: 120_000 };
const SELECTION = "k8s.v1.cni.cncf.io/networks";
const BARE = { [SELECTION]: "bare" };
const SLOW = { [SELECTION]: "slow" };

describe("an agent that stops", PATIENCE, () => {
  test("first finishes the ADD under way, and leaves program and network file for its successor", async () => {
    await using node = await CniNode.make();
    const agent = await node.startAgent();
    const pod = await node.world.startPod();
    const adding = node.call({ command: "ADD", pod, input: node.chained(SLOW) });
    await node.file("has-begun");
    const ending = node.endAgent(agent);
    await node.fileGone("run/cni.sock");
    assert.equal(agent.exitCode, null);
    node.touch("goes-on");
    assert.deepEqual(await adding, { code: 0, output: PREVIOUS });
    await ending;
    assert.deepEqual(
      ["bin/lanyard", "net.d/00-lanyard.conflist"].map((name) => existsSync(node.at(name))),
      [true, true],
    );
  });

  test("leaves pods that come meanwhile waiting for the next, and what is deleted meanwhile to be done before", async () => {
    await using node = await CniNode.make();
    const agent = await node.startAgent();
    const [pod, next] = [await node.world.startPod(), await node.world.startPod()];
    const input = node.chained(BARE);
    assert.equal((await node.call({ command: "ADD", pod, input })).code, 0);
    await node.endAgent(agent);
    assert.deepEqual(await node.call({ command: "DEL", pod, input }), { code: 0, output: {} });
    assert.deepEqual(await node.namesOf(pod), ["net1"]);
    assert.equal(readdirSync(node.at("state/cni-spool")).length, 1);
    const names = { name: "beta", sandbox: "box2" };
    const waiting = node.call({ command: "ADD", pod: next, ...names, input });
    await node.startAgent();
    assert.deepEqual(await waiting, { code: 0, output: PREVIOUS });
    assert.deepEqual(await node.namesOf(pod), []);
    assert.deepEqual(await node.namesOf(next), ["net1"]);
    assert.deepEqual((await node.status()).cni?.queuedCalls, 0);
  });

  test("has a grace time anew each time it goes, also where nobody called it in between", async () => {
    await using node = await CniNode.make({ graceSeconds: 1 });
    await node.endAgent(await node.startAgent());
    const input = node.chained({}, { cniVersion: "1.1.0" });
    const status = () => node.call({ command: "STATUS", input });
    assert.deepEqual(await status(), { code: 0, output: {} });
    const deadline = performance.now() + 30_000;
    while ((await status()).code === 0)
      assert.ok(performance.now() < deadline, "the grace time does not end");
    await node.endAgent(await node.startAgent());
    assert.deepEqual(await status(), { code: 0, output: {} });
  });

  test("hands the sockets and the pods to one that takes over", async () => {
    await using node = await CniNode.make();
    const first = await node.startAgent();
    const pod = await node.world.startPod();
    const input = node.chained(BARE);
    assert.equal((await node.call({ command: "ADD", pod, input })).code, 0);
    await node.startAgent("--take-over");
    await node.endAgent(first);
    assert.equal((await node.call({ command: "CHECK", pod, input })).code, 0);
    assert.equal((await node.call({ command: "DEL", pod, input })).code, 0);
    assert.deepEqual(await node.namesOf(pod), []);
  });
});

test(
  "an agent that keeps pods of manifests serves the runtime's beside them, also when it starts again",
  PATIENCE,
  async () => {
    await using node = await CniNode.make();
    const agent = await node.startAgent("--standalone");
    const pod = await node.world.startPod();
    const input = node.chained(BARE);
    assert.equal((await node.call({ command: "ADD", pod, input })).code, 0);
    await node.endAgent(agent);
    await node.startAgent("--standalone");
    assert.equal((await node.call({ command: "CHECK", pod, input })).code, 0);
    assert.equal((await node.call({ command: "DEL", pod, input })).code, 0);
    assert.deepEqual(await node.namesOf(pod), []);
  },
);

describe("an ADD that nobody waits for any more", PATIENCE, () => {
  test("is done to its end and taken back", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const environment = {
      ...{ CNI_COMMAND: "ADD", CNI_CONTAINERID: "box1", CNI_NETNS: pod.namespacePath, CNI_IFNAME: "eth0" },
      ...{ CNI_PATH: node.at("bin"), CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=alpha;K8S_POD_UID=1" },
    };
    const entries = Object.entries(environment).map(([name, value]) => `${name}=${value}\0`);
    const body = `${entries.join("")}\0${JSON.stringify(node.chained({ [SELECTION]: "slow,bare" }))}`;
    const asked = request({ socketPath: node.at("run/cni.sock"), method: "POST", path: "/v1/cni" });
    asked.on("error", () => {});
    asked.end(body);
    await node.file("has-begun");
    asked.destroy();
    node.touch("goes-on");
    await node.file("was-deleted");
    await node.until("nothing is left", ({ attachments }) => attachments.length === 0);
    assert.deepEqual(await node.namesOf(pod), []);
  });
});

describe("the network file and the program", PATIENCE, () => {
  const cni = (node: CniNode, what: string) =>
    spawnSync(
      process.execPath,
      [MAIN, "cni", what, "--config", node.at("config.yaml"), "--socket", node.at("run/agent.sock")],
      { encoding: "utf8" },
    );

  test("are taken away by command, but not from an agent that would put them back", async () => {
    await using node = await CniNode.make();
    const agent = await node.startAgent();
    const refused = cni(node, "uninstall");
    assert.deepEqual([refused.status, existsSync(node.at("bin/lanyard"))], [1, true]);
    assert.match(
      refused.stderr,
      /the agent at \S+agent\.sock \(process \d+\) serves the container runtime; stop it/,
    );
    await node.endAgent(agent);
    const done = cni(node, "uninstall");
    assert.deepEqual(
      [done.status, done.stdout],
      [0, `${node.at("net.d/00-lanyard.conflist")} is removed\n${node.at("bin/lanyard")} is removed\n`],
    );
    assert.equal(cni(node, "uninstall").status, 0);
    assert.deepEqual(
      [readdirSync(node.at("bin")), readdirSync(node.at("net.d"))],
      [["slow"], ["10-net.conflist"]],
    );
    assert.equal(cni(node, "remove").status, 2);
  });

  test("are not put there where the configuration wants none, and the file of an earlier agent goes", async () => {
    await using node = await CniNode.make();
    await node.endAgent(await node.startAgent());
    for (const settings of [{ chained: false }, { enabled: false }]) {
      node.settings = {};
      await node.endAgent(await node.startAgent());
      assert.equal(existsSync(node.at("net.d/00-lanyard.conflist")), true);
      node.settings = settings;
      const agent = await node.startAgent();
      assert.equal(existsSync(node.at("net.d/00-lanyard.conflist")), false);
      assert.equal((await node.status()).cni === undefined, "enabled" in settings);
      await node.endAgent(agent);
    }
  });

  test("of an agent with other folders stay, though the configuration wants none here", async () => {
    await using node = await CniNode.make();
    await node.endAgent(await node.startAgent());
    const file = node.at("net.d/00-lanyard.conflist");
    const text = readFileSync(file, "utf8").replaceAll(node.at("run"), node.at("other"));
    for (const settings of [{ chained: false }, { enabled: false }]) {
      writeFileSync(file, text);
      node.settings = settings;
      await node.endAgent(await node.startAgent());
      assert.equal(readFileSync(file, "utf8"), text);
    }
  });
});

test(
  "what a runtime's pod left is collected also where the runtime is not served any more",
  PATIENCE,
  async () => {
    await using node = await CniNode.make({ collectIntervalSeconds: 1 });
    const agent = await node.startAgent();
    const [pod, other] = [await node.world.startPod(), await node.world.startPod()];
    const input = node.chained(BARE);
    assert.equal((await node.call({ command: "ADD", pod, input })).code, 0);
    const names = { name: "beta", sandbox: "box2" };
    assert.equal((await node.call({ command: "ADD", pod: other, ...names, input })).code, 0);
    await node.endAgent(agent);
    node.settings = { enabled: false, collectIntervalSeconds: 1 };
    await node.startAgent();
    await pod[Symbol.asyncDispose]();
    const { attachments } = await node.until("one is released", ({ attachments: all }) => all.length < 2);
    assert.deepEqual(
      attachments.map(({ pod: { name } }) => name),
      ["beta"],
    );
  },
);
