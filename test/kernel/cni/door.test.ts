import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { leaveSharedNamespace, type Pod } from "../world.ts";
import { CniNode, PREVIOUS } from "./scene.ts";

/*
 * The road of a call: the plugin's program, the agent's socket, the kernel. The runtime is the test, which tells the
 * plugin what libcni would.
 */

leaveSharedNamespace();

const PATIENCE = { timeout: 120_000 };
const SELECTION = "k8s.v1.cni.cncf.io/networks";
const NETWORKS = "lanyard.dev/networks";
const BARE = { [SELECTION]: "bare" };

describe("behind the cluster's network", PATIENCE, () => {
  test("ADD gives a pod what both annotations name, and the result of the cluster's network as it was", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const annotations = {
      [SELECTION]: '[{"name": "fast", "ips": ["10.20.0.5/24"]}, {"name": "bare", "interface": "data"}]',
      [NETWORKS]: '[{"podNetworkName": "over", "ips": ["10.30.0.5/24"]}]',
    };
    const added = await node.call({ command: "ADD", pod, input: node.chained(annotations) });
    assert.deepEqual(added, { code: 0, output: PREVIOUS });
    assert.deepEqual(await node.namesOf(pod), ["data", "net1", "net3"]);
    const { attachments, cni } = await node.status();
    const told = attachments.map(({ interfaceName, podNetworkName, addresses, owner }) =>
      [
        interfaceName,
        podNetworkName,
        ...addresses,
        owner?.sandbox,
        owner?.interfaceName,
        owner?.network,
      ].join(" "),
    );
    assert.deepEqual(told.sort(), [
      "data default/bare box1 eth0 net",
      "net1 default/fast 10.20.0.5/24 box1 eth0 net",
      "net3 over 10.30.0.5/24 box1 eth0 net",
    ]);
    assert.deepEqual([cni?.behind, cni?.queuedCalls, cni?.problems], ["10-net.conflist", 0, []]);

    const checked = await node.call({ command: "CHECK", pod, input: node.chained(annotations) });
    assert.deepEqual(checked, { code: 0, output: {} });
    const deleted = await node.call({ command: "DEL", pod, input: node.chained(annotations) });
    assert.deepEqual(deleted, { code: 0, output: {} });
    assert.deepEqual(await node.namesOf(pod), []);
    assert.deepEqual((await node.status()).attachments, []);
  });

  test("ADD attaches nothing when one of the networks fails, and says which", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const annotations = { [SELECTION]: "bare, broken" };
    const { code, output } = await node.call({ command: "ADD", pod, input: node.chained(annotations) });
    assert.equal(code, 1);
    assert.equal(output.cniVersion, "1.0.0");
    assert.match(String(output.msg), /pod default\/alpha, interface net2: .*no-such-link/);
    assert.deepEqual(await node.namesOf(pod), []);
    assert.deepEqual((await node.status()).attachments, []);
  });

  test("ADD makes what a network of our own plugin stands for, by this agent alone", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const input = node.chained({ [SELECTION]: "ours,bare" });
    assert.deepEqual(await node.call({ command: "ADD", pod, input }), { code: 0, output: PREVIOUS });
    assert.deepEqual(await node.namesOf(pod), ["net1", "net2"]);
    assert.deepEqual(await node.call({ command: "DEL", pod, input }), { code: 0, output: {} });
  });

  test("ADD says what is wrong with a network that cannot be read", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const input = node.chained({ [SELECTION]: "unclear" });
    const { code, output } = await node.call({ command: "ADD", pod, input });
    assert.deepEqual([code, output.code], [1, 7]);
    const message =
      /^pod default\/alpha, interface net1: NetworkAttachmentDefinition default\/unclear: networks\.yaml#\d+ spec\.config: /;
    assert.match(String(output.msg), message);
  });

  test("a pod gets the default networks first, unless its namespace is the system's", async () => {
    await using node = await CniNode.make({ defaultNetworks: ["default/bare"] });
    const agent = await node.startAgent();
    const pod = await node.world.startPod();
    const annotations = { [NETWORKS]: '[{"podNetworkName": "over"}]' };
    assert.equal((await node.call({ command: "ADD", pod, input: node.chained(annotations) })).code, 0);
    const { attachments } = await node.status();
    assert.deepEqual(
      attachments.map(({ interfaceName, podNetworkName }) => `${interfaceName} ${podNetworkName}`).sort(),
      ["net1 default/bare", "net2 over"],
    );
    await node.endAgent(agent);
    node.settings = { defaultNetworks: ["default/bare"], systemNamespaces: ["default"] };
    await node.startAgent();
    const other = await node.world.startPod();
    const names = { name: "beta", sandbox: "box2" };
    assert.equal(
      (await node.call({ command: "ADD", pod: other, ...names, input: node.chained({}) })).code,
      0,
    );
    assert.deepEqual(await node.namesOf(other), []);
  });

  test("a pod's own interface is held to its bandwidth until DEL, and left alone where its network does that", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    await node.giveEth0(pod);
    const annotations = { "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "20M" };
    const bandwidth = {
      ...{ ingressRate: 10_000_000, ingressBurst: 4_294_967_295 },
      ...{ egressRate: 20_000_000, egressBurst: 4_294_967_295 },
    };
    const left = node.chained(annotations, { shapeInterface: false });
    assert.equal((await node.call({ command: "ADD", pod, input: left })).code, 0);
    assert.deepEqual((await node.status()).attachments, []);
    for (const input of [
      node.chained(annotations),
      node.chained({}, { runtimeConfig: { "io.kubernetes.cri.pod-annotations": {}, bandwidth } }),
    ]) {
      const added = await node.call({ command: "ADD", pod, input });
      assert.deepEqual(added, { code: 0, output: PREVIOUS });
      const [attachment] = (await node.status()).attachments;
      assert.deepEqual(
        [attachment?.type, attachment?.qos?.ingressCeiling, attachment?.qos?.egressCeiling],
        ["standing", 10_000_000, 20_000_000],
      );
      assert.deepEqual(await rootQdisc(node, pod), "htb");
      assert.equal((await node.call({ command: "CHECK", pod, input })).code, 0);
      assert.equal((await node.call({ command: "DEL", pod, input })).code, 0);
      assert.notEqual(await rootQdisc(node, pod), "htb");
    }
  });

  test("a pod whose annotations nobody knows does not start; one that has none does", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const { runtimeConfig: _, ...input } = node.chained({});
    const { code, output } = await node.call({ command: "ADD", pod, input });
    assert.deepEqual([code, output.code], [1, 11]);
    assert.match(String(output.msg), /pod default\/alpha: its annotations are not known/);
    const none = await node.call({ command: "ADD", pod, input: node.chained(null) });
    assert.deepEqual(none, { code: 0, output: PREVIOUS });
  });

  test("a pod that wants another network than the cluster's is refused", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const input = node.chained({ "v1.multus-cni.io/default-network": "fast", [SELECTION]: "bare" });
    const { code, output } = await node.call({ command: "ADD", pod, input });
    assert.deepEqual([code, output.code], [1, 102]);
    assert.match(String(output.msg), /v1\.multus-cni\.io\/default-network: .*name the network in k8s\.v1/);
  });

  test("CHECK lists what is not as ADD made it", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const input = node.chained({ [SELECTION]: "bare,bare" });
    assert.equal((await node.call({ command: "ADD", pod, input })).code, 0);
    await using namespace = await node.world.kernel.namespace(pod.namespacePath);
    await namespace.links.delete((await namespace.links.get("net2")).index);
    const { code, output } = await node.call({ command: "CHECK", pod, input });
    assert.deepEqual([code, output.code], [1, 101]);
    assert.equal(output.msg, "1 thing is not as ADD made them");
    assert.match(String(output.details), /^net2: there is no link "net2"/);
    const { prevResult: _, ...without } = input;
    const refused = await node.call({ command: "CHECK", pod, input: without });
    assert.match(
      String(refused.output.msg),
      /^prevResult is missing; expected a result: CHECK is told what ADD came to$/,
    );
  });

  test("GC takes away what no valid sandbox has, of its own network alone", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pods = [await node.world.startPod(), await node.world.startPod(), await node.world.startPod()];
    for (const [index, pod] of pods.entries()) {
      const input = node.chained(BARE, index === 2 ? { name: "other" } : {});
      const names = { name: `pod${index}`, sandbox: `box${index}` };
      assert.equal((await node.call({ command: "ADD", pod, ...names, input })).code, 0);
    }
    const valid = { "cni.dev/valid-attachments": [{ containerID: "box1", ifname: "eth0" }] };
    const old = await node.call({ command: "GC", input: node.chained({}, valid) });
    assert.deepEqual([old.code, old.output.code], [1, 1]);
    const blind = await node.call({ command: "GC", input: node.chained({}, { cniVersion: "1.1.0" }) });
    assert.match(String(blind.output.msg), /cni\.dev\/valid-attachments.* is missing/);
    const now = await node.call({
      command: "GC",
      input: node.chained({}, { cniVersion: "1.1.0", ...valid }),
    });
    assert.deepEqual(now, { code: 0, output: {} });
    assert.deepEqual(await Promise.all(pods.map((pod) => node.namesOf(pod))), [[], ["net1"], ["net1"]]);
  });

  test("STATUS is well while there is a network to stand behind", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const input = node.chained({}, { cniVersion: "1.1.0" });
    assert.deepEqual(await node.call({ command: "STATUS", input }), { code: 0, output: {} });
    const old = await node.call({ command: "STATUS", input: node.chained({}) });
    assert.deepEqual([old.code, old.output.code], [1, 1]);
    node.removeNetwork();
    await node.until("the network is missed", ({ cni }) => cni?.behind === undefined);
    const { code, output } = await node.call({ command: "STATUS", input });
    assert.deepEqual([code, output.code], [1, 50]);
    assert.match(String(output.msg), /there is no network in .*net\.d to stand behind/);
  });

  test("the node's own namespace is refused", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = { namespacePath: "/proc/self/ns/net" } as Pod;
    const { code, output } = await node.call({ command: "ADD", pod, input: node.chained(BARE) });
    assert.deepEqual([code, output.code], [1, 8]);
  });
});

describe("as the plugin that a network names", PATIENCE, () => {
  const over = (cniVersion: string) => ({
    ...{ cniVersion, name: "over-net", type: "lanyard", podNetworkName: "over" },
    runtimeConfig: { ips: ["10.30.0.5/24"], mac: "02:00:00:00:00:05" },
  });

  for (const cniVersion of ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]) {
    test(`ADD makes the interface and tells of it in the words of version ${cniVersion}`, async () => {
      await using node = await CniNode.make();
      await node.startAgent();
      const pod = await node.world.startPod();
      const call = { pod, interfaceName: "net7", input: over(cniVersion) };
      const { code, output } = await node.call({ command: "ADD", ...call });
      const details = cniVersion === "1.1.0" ? { mtu: 1500 } : {};
      const family = cniVersion < "1.0.0" ? { version: "4" } : {};
      const made = { name: "net7", mac: "02:00:00:00:00:05", ...details, sandbox: pod.namespacePath };
      assert.deepEqual(
        [code, output],
        [
          0,
          {
            cniVersion,
            interfaces: [made],
            ips: [{ ...family, address: "10.30.0.5/24", interface: 0 }],
            dns: {},
          },
        ],
      );
      assert.deepEqual(await node.namesOf(pod), ["net7"]);
      assert.deepEqual(await node.call({ command: "DEL", ...call }), { code: 0, output: {} });
      assert.deepEqual(await node.namesOf(pod), []);
    });
  }

  test("behind another plugin it holds that one's interface to a class, and passes the result on", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    await node.giveEth0(pod);
    const entry = { cniVersion: "1.0.0", name: "held", type: "lanyard", qosClassName: "gold" };
    const input = { ...entry, prevResult: PREVIOUS };
    assert.deepEqual(await node.call({ command: "ADD", pod, input }), { code: 0, output: PREVIOUS });
    assert.equal((await node.status()).attachments[0]?.qos?.egressCeiling, 50_000_000);
    assert.equal((await node.call({ command: "DEL", pod, input })).code, 0);
    assert.notEqual(await rootQdisc(node, pod), "htb");
    const alone = await node.call({ command: "ADD", pod, input: entry });
    assert.match(String(alone.output.msg), /prevResult is missing/);
  });

  test("an entry that does not say what it is for is told what may be written", async () => {
    await using node = await CniNode.make();
    await node.startAgent();
    const pod = await node.world.startPod();
    const input = { cniVersion: "1.0.0", name: "idle", type: "lanyard" };
    const { code, output } = await node.call({ command: "ADD", pod, input });
    assert.deepEqual([code, output.code], [1, 7]);
    assert.match(
      String(output.msg),
      /podNetworkName.*podNetworkAttachmentName.*qosClassName.*attachPodNetworks/,
    );
  });
});

async function rootQdisc(node: CniNode, pod: Pod): Promise<string | undefined> {
  await using namespace = await node.world.kernel.namespace(pod.namespacePath);
  const { index } = await namespace.links.get("eth0");
  return (await namespace.qdiscs.list(index)).find(({ spec }) => spec.parent === "root")?.spec.kind;
}
