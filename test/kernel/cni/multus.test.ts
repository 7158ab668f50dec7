import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, test } from "node:test";
import { leaveSharedNamespace, type Pod } from "../world.ts";
import { CniNode, PREVIOUS, UPLINK } from "./scene.ts";

/* The socket in Multus' place, asked as multus-shim and the dynamic-networks controller ask it. */

leaveSharedNamespace();

const PATIENCE = { timeout: 120_000 };
const ANNOTATIONS = { "k8s.v1.cni.cncf.io/networks": "bare" };
const runtimeConfig = { "io.kubernetes.cri.pod-annotations": ANNOTATIONS };
const multus = { cniVersion: "1.0.0", name: "multus-cni-network", type: "multus-shim", runtimeConfig };
const macvlan = { cniVersion: "1.0.0", name: "cluster", type: "macvlan", master: UPLINK };

interface MultusCall {
  readonly command: string;
  readonly pod?: Pod;
  readonly interfaceName?: string;
  readonly config: object;
  readonly interfaceAttributes?: object;
}

async function ask(
  node: CniNode,
  path: string,
  { command, pod, interfaceName = "eth0", config, ...rest }: MultusCall,
) {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: "box1",
    CNI_NETNS: pod?.namespacePath ?? "",
    CNI_IFNAME: interfaceName,
    CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=alpha;K8S_POD_UID=uid-alpha",
    // The dynamic-networks controller says no more than this.
    ...(path === "/cni" && { CNI_PATH: node.at("bin") }),
  };
  const body = { env, config: Buffer.from(JSON.stringify(config)).toString("base64"), ...rest };
  const answer = await node.askMultus("POST", path, JSON.stringify(body));
  return { status: answer.status, body: answer.body === "" ? "" : JSON.parse(answer.body) };
}

async function start(): Promise<CniNode> {
  const node = await CniNode.make();
  node.settings = { multusSocket: true, multusDirectory: node.at("multus") };
  await node.startAgent();
  return node;
}

describe("the socket in Multus' place", PATIENCE, () => {
  test("gives a pod its networks behind the cluster's, whose result it passes on in version 1.1.0", async () => {
    await using node = await start();
    const pod = await node.world.startPod();
    const config = { ...multus, prevResult: PREVIOUS };
    const added = await ask(node, "/cni", { command: "ADD", pod, config });
    const { cniVersion: _, later: __, ...result } = PREVIOUS;
    assert.deepEqual(added, { status: 200, body: { Result: { cniVersion: "1.1.0", ...result, dns: {} } } });
    assert.deepEqual(await node.namesOf(pod), ["net1"]);
    assert.deepEqual(await ask(node, "/cni", { command: "CHECK", pod, config }), { status: 200, body: "" });
    assert.deepEqual(await ask(node, "/cni", { command: "DEL", config }), { status: 200, body: "" });
    assert.deepEqual(await node.namesOf(pod), []);
  });

  for (const [what, named] of [
    ["that its configuration holds", { delegates: [macvlan] }],
    ["by its name", { clusterNetwork: "cluster" }],
    ["by its file", { clusterNetwork: "FILE" }],
  ] as const) {
    test(`makes the cluster's network first where nobody did, ${what}`, async () => {
      await using node = await start();
      node.putNetwork("20-cluster.conf", macvlan);
      const pod = await node.world.startPod();
      const file = "clusterNetwork" in named && named.clusterNetwork === "FILE";
      const config = {
        ...multus,
        ...named,
        ...(file && { clusterNetwork: node.at("net.d/20-cluster.conf") }),
      };
      const added = await ask(node, "/cni", { command: "ADD", pod, config });
      assert.equal(added.status, 200, JSON.stringify(added.body));
      assert.deepEqual(
        added.body.Result.interfaces.map(({ name }: { name: string }) => name),
        ["eth0"],
      );
      const { attachments } = await node.status();
      assert.deepEqual(attachments.map(({ interfaceName }) => interfaceName).sort(), ["eth0", "net1"]);
      assert.equal((await ask(node, "/cni", { command: "DEL", config })).status, 200);
      assert.deepEqual((await node.status()).attachments, []);
    });
  }

  test("plugs one interface in and out, and what is still there goes with the pod", async () => {
    await using node = await start();
    const pod = await node.world.startPod();
    const chained = node.chained(ANNOTATIONS);
    assert.equal((await node.call({ command: "ADD", pod, input: chained })).code, 0);
    const config = { ...macvlan, capabilities: { ips: true }, ipam: { type: "static" } };
    for (const [interfaceName, address] of [
      ["hot1", "10.40.0.5/24"],
      ["hot2", "10.40.0.6/24"],
    ] as const) {
      const interfaceAttributes = { ips: [address] };
      const call = { command: "ADD", pod, interfaceName, config, interfaceAttributes };
      const { status, body } = await ask(node, "/delegate", call);
      assert.deepEqual([status, body.Result?.ips?.[0]?.address], [200, address], JSON.stringify(body));
    }
    assert.deepEqual(await node.namesOf(pod), ["hot1", "hot2", "net1"]);
    const check = { command: "CHECK", pod, interfaceName: "hot1", config };
    assert.deepEqual(await ask(node, "/delegate", check), { status: 200, body: "" });
    // Those that came with the pod can be unplugged as well.
    for (const interfaceName of ["hot1", "net1"]) {
      const gone = await ask(node, "/delegate", { command: "DEL", interfaceName, config });
      assert.deepEqual(gone, { status: 200, body: "" });
    }
    assert.deepEqual(await node.namesOf(pod), ["hot2"]);
    assert.equal((await node.call({ command: "DEL", pod, input: chained })).code, 0);
    assert.deepEqual(await node.namesOf(pod), []);
  });

  test("answers root alone, mistakes by 400 and a CNI error, says that it is well, and is counted", async () => {
    await using node = await start();
    const pod = await node.world.startPod();
    const config = { ...macvlan, master: "no-such-link" };
    const failed = await ask(node, "/delegate", { command: "ADD", pod, interfaceName: "hot1", config });
    assert.equal(failed.status, 400);
    assert.match(failed.body.msg, /no-such-link/);
    const modes = ["multus", "multus/multus.sock"].map((name) => statSync(node.at(name)).mode & 0o777);
    assert.deepEqual(modes, [0o700, 0o600]);
    const unclear = await node.askMultus("POST", "/cni", "{");
    assert.equal(JSON.parse(unclear.body).code, 6);
    for (const path of ["/healthz", "/readyz"]) {
      assert.equal((await node.askMultus("GET", path)).status, 200);
      assert.equal((await node.askMultus("POST", path)).status, 200);
    }
    assert.equal((await node.askMultus("GET", "/cni")).status, 405);
    const metrics = await node.metrics();
    assert.match(
      metrics,
      /^lanyard_multus_requests_total\{handler="\/delegate",method="POST",code="400"\} 1$/m,
    );
    assert.match(metrics, /^lanyard_multus_requests_total\{handler="\/readyz",method="GET",code="200"\} 1$/m);
  });
});
