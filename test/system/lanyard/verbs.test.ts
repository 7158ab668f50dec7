// The commands that containerd does not call, as another runtime would: the program is run as the specification says.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { leasesIn } from "../cluster-network.ts";
import { MANIFESTS, NETWORKS, runIn } from "./networks.ts";
import { LanyardNode } from "./node.ts";

const PATIENCE = { timeout: 60_000 };

interface Answer {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs our entry of the cluster's network for a sandbox; `more` is added to its configuration. */
function call(
  { rig }: LanyardNode,
  command: string,
  environment: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Answer {
  const text = readFileSync(join(rig.confDirectory, "00-lanyard.conflist"), "utf8");
  const { cniVersion, name, plugins } = JSON.parse(text);
  const { capabilities: _, ...entry } = plugins.at(-1);
  const { status, stdout } = spawnSync(join(rig.binDirectory, "lanyard"), {
    encoding: "utf8",
    env: { CNI_COMMAND: command, CNI_PATH: rig.binDirectory, ...environment },
    input: JSON.stringify({ ...entry, cniVersion, name, ...more }),
  });
  return { exitCode: status, output: stdout };
}

/** What the runtime told the plugin of a sandbox, and the result that it keeps (libcni's cache). */
async function check(node: LanyardNode, id: string, annotations: object): Promise<Answer> {
  const folder = "/var/lib/cni/results";
  const file = readdirSync(folder).find((name) => name.startsWith(`cluster-${id}`)) ?? "";
  const { result } = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const environment = {
    CNI_CONTAINERID: id,
    CNI_IFNAME: "eth0",
    CNI_NETNS: await node.rig.namespacePath(id),
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=alpha;K8S_POD_UID=uid-1",
  };
  const runtimeConfig = { "io.kubernetes.cri.pod-annotations": annotations };
  return call(node, "CHECK", environment, { runtimeConfig, prevResult: result });
}

test("VERSION and STATUS are answered, VERSION without the agent too", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  assert.deepEqual(call(node, "STATUS"), { exitCode: 0, output: "" });
  await node.endAgent();
  const { exitCode, output } = call(node, "VERSION");
  assert.equal(exitCode, 0);
  assert.ok(JSON.parse(output).supportedVersions.includes("1.1.0"));
});

test("CHECK finds a pod as it was made, and says what differs when it is not", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const annotations = { [NETWORKS]: "written,foreign" };
  const id = await rig.runSandbox({ name: "alpha", uid: "uid-1", annotations });
  assert.deepEqual(await check(node, id, annotations), { exitCode: 0, output: "" });
  runIn(await rig.namespacePath(id), "ip", "address", "delete", "10.40.0.9/24", "dev", "net1");
  const { exitCode, output } = await check(node, id, annotations);
  assert.equal(exitCode, 1);
  assert.match(JSON.parse(output).details, /net1.*10\.40\.0\.9/s);
  await rig.remove(id);
  await node.isClean();
});

test("GC releases what is not among the valid attachments, and nothing else", PATIENCE, async () => {
  await using node = await LanyardNode.start(MANIFESTS);
  const { rig } = node;
  const annotations = { [NETWORKS]: "leased" };
  const ids = [
    await rig.runSandbox({ name: "alpha", annotations }),
    await rig.runSandbox({ name: "beta", annotations }),
  ];
  const collect = (valid: readonly string[]) =>
    call(
      node,
      "GC",
      {},
      {
        "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
      },
    );
  assert.deepEqual(collect(ids), { exitCode: 0, output: "" });
  assert.equal((await node.control.status()).attachments.length, 2);
  assert.deepEqual(collect(ids.slice(0, 1)), { exitCode: 0, output: "" });
  const { attachments } = await node.control.status();
  assert.deepEqual(
    attachments.map(({ pod }) => pod.name),
    ["alpha"],
  );
  assert.equal(leasesIn("leased").length, 1);
  for (const id of ids) await rig.remove(id);
  await node.isClean();
});
