import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ControlClient } from "../../../src/control/client.ts";
import type { StatusReport } from "../../../src/control/report.ts";
import { Kernel } from "../../../src/linux/kernel.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const UPLINK = "agt-up";
const NIC = "agt-nic0";
/** How long the slowest thing may take on the slowest machine, in milliseconds. */
const PATIENCE_MS = 20_000;

const CONFIG = `
pools:
  - name: nics
    kind: hostDevice
    links: ["agt-nic*"]
  - name: uplink-bandwidth
    kind: bandwidthShare
    uplink: ${UPLINK}
    share: 100M
    total: 1G
`;

const NETWORKS = `
apiVersion: lanyard.dev/v1alpha1
kind: QosClass
metadata: { name: gold }
spec: { egress: { ceiling: 50M }, ingress: { ceiling: 30M } }
---
apiVersion: lanyard.dev/v1alpha1
kind: LinkProfile
metadata: { name: whole }
spec: { type: hostDevice, resourceName: lanyard.dev/nics }
---
apiVersion: lanyard.dev/v1alpha1
kind: PodNetwork
metadata: { name: whole }
spec: { parametersRefs: [{ group: lanyard.dev, kind: LinkProfile, name: whole }] }
---
apiVersion: lanyard.dev/v1alpha1
kind: LinkProfile
metadata: { name: over }
spec: { type: macvlan, parent: ${UPLINK} }
---
apiVersion: lanyard.dev/v1alpha1
kind: PodNetwork
metadata: { name: over }
spec: { parametersRefs: [{ group: lanyard.dev, kind: LinkProfile, name: over }] }
`;

function podManifest(networks: readonly Record<string, unknown>[]): string {
  return `
apiVersion: v1
kind: Pod
metadata:
  name: worker
  namespace: default
  annotations:
    lanyard.dev/networks: '${JSON.stringify(networks)}'
spec:
  containers:
    - name: main
      image: none
      resources: { limits: { lanyard.dev/nics: 1, lanyard.dev/uplink-bandwidth: 2 } }
`;
}

const WHOLE = { podNetworkName: "whole", interfaceName: "net1", ips: ["10.70.0.5/24"], qosClassName: "gold" };
const OVER = { podNetworkName: "over", interfaceName: "net2", ips: ["10.71.0.5/24"] };

let kernel: Kernel;
let folder: string;
let agent: ChildProcess | undefined;
let control: ControlClient;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: "agt-upp" } }, isUp: true });
  await links.set((await links.get("agt-upp")).index, { isUp: true });
  await links.create({ name: NIC, of: { kind: "veth", peer: { name: "agt-nicp" } } });
});

after(async () => {
  for (const name of [UPLINK, NIC]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-agent-"));
  mkdirSync(join(folder, "manifests"));
  writeFileSync(join(folder, "config.yaml"), CONFIG);
  writeFileSync(join(folder, "manifests/networks.yaml"), NETWORKS);
  writeFileSync(join(folder, "manifests/pod.yaml"), podManifest([WHOLE]));
  control = new ControlClient(join(folder, "run/agent.sock"));
});

afterEach(async () => {
  // Whatever a test left: an agent that is told of no pods takes all of them down.
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) await startAgent();
  rmSync(join(folder, "manifests/pod.yaml"), { force: true });
  await until("no pod is left", ({ pods, attachments }) => pods?.length === 0 && attachments.length === 0);
  await endAgent("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

function spawnAgent(): ChildProcess {
  const args = ["agent", "--standalone", join(folder, "manifests"), "--config", join(folder, "config.yaml")];
  const places = ["--state-dir", join(folder, "state"), "--run-dir", join(folder, "run")];
  const more = ["--metrics-address", `unix:${join(folder, "metrics.sock")}`, "--log-level", "warn"];
  return spawn(process.execPath, [MAIN, ...args, ...places, ...more], {
    stdio: ["ignore", "inherit", "pipe"],
  });
}

async function startAgent(): Promise<void> {
  agent = spawnAgent();
  agent.stderr?.resume();
  await until("the agent is ready", ({ isReady }) => isReady);
}

async function endAgent(signal: NodeJS.Signals): Promise<void> {
  if (agent === undefined) return;
  const ended = once(agent, "exit");
  agent.kill(signal);
  const [code] = await ended;
  if (signal === "SIGTERM") assert.equal(code, 0);
}

/** Asks the agent again and again until it says what is waited for; fails with what it said last. */
async function until(what: string, holds: (status: StatusReport) => boolean): Promise<StatusReport> {
  const end = performance.now() + PATIENCE_MS;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const status = await control.status();
      if (holds(status)) return status;
      last = status;
    } catch (error) {
      last = error;
    }
    await sleep(20);
  }
  assert.fail(`${what}: not within ${PATIENCE_MS} ms; last seen: ${JSON.stringify(last, undefined, 2)}`);
}

const isRunning = ({ pods }: StatusReport) => pods?.[0]?.phase === "Running";
const hasInterfaces =
  (...names: string[]) =>
  (status: StatusReport) =>
    isRunning(status) &&
    status.attachments.every(({ state }) => state === "attached") &&
    JSON.stringify(status.attachments.map(({ interfaceName }) => interfaceName).sort()) ===
      JSON.stringify(names);

async function linkOf(status: StatusReport, name: string) {
  await using pod = await kernel.namespace(status.pods?.[0]?.namespacePath ?? "");
  return await pod.links.get(name);
}

function readMetrics(): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath: join(folder, "metrics.sock"), path: "/metrics" }, (response) => {
      text(response).then(resolve, reject);
    })
      .on("error", reject)
      .end();
  });
}

describe("the agent", () => {
  test("gives a pod of a manifest its devices and its shaped interface, and tells of them", async () => {
    await startAgent();
    const status = await until("the pod runs", hasInterfaces("net1"));
    assert.deepEqual(
      status.resources.map(({ resource, isRegistered }) => [resource, isRegistered]),
      [
        ["lanyard.dev/nics", true],
        ["lanyard.dev/uplink-bandwidth", true],
      ],
    );
    assert.deepEqual(status.pods?.[0]?.devices["lanyard.dev/nics"], [NIC]);
    assert.equal(status.pods?.[0]?.devices["lanyard.dev/uplink-bandwidth"]?.length, 2);
    assert.equal(status.attachments[0]?.qos?.egressCeiling, 50_000_000);
    assert.equal((await linkOf(status, "net1")).isUp, true);

    const metrics = await readMetrics();
    assert.match(
      metrics,
      /lanyard_interface_transmit_bytes_total\{namespace="default",pod="worker",container="main",interface="net1",network="whole",device="agt-nic0"\} \d+/,
    );
    assert.match(
      metrics,
      /lanyard_interface_rate_bits_per_second\{.*direction="receive",kind="ceiling"\} 30000000/,
    );
    assert.match(
      metrics,
      /lanyard_attachment_duration_seconds_count\{operation="attach",type="hostDevice",outcome="done"\} 1/,
    );
  });

  test("plugs an interface into the running pod when its manifest names one more, and out again", async () => {
    await startAgent();
    const before = await until("the pod runs", hasInterfaces("net1"));
    const net1 = await linkOf(before, "net1");
    writeFileSync(join(folder, "manifests/pod.yaml"), podManifest([WHOLE, OVER]));
    const plugged = await until("net2 is there", hasInterfaces("net1", "net2"));
    assert.equal((await linkOf(plugged, "net2")).kind, "macvlan");
    writeFileSync(join(folder, "manifests/pod.yaml"), podManifest([WHOLE]));
    const unplugged = await until("net2 is gone", hasInterfaces("net1"));
    assert.equal((await linkOf(unplugged, "net1")).index, net1.index);
  });

  test("leaves a pod alone when its manifest becomes nonsense, says so, and goes on when it is mended", async () => {
    await startAgent();
    const before = await until("the pod runs", hasInterfaces("net1"));
    const net1 = await linkOf(before, "net1");
    writeFileSync(join(folder, "manifests/pod.yaml"), "kind: Pod\nmetadata: { name: [");
    const complaint = await until("the mistake is told", ({ notes }) =>
      notes.some((note) => note.includes("pod.yaml")),
    );
    assert.ok(hasInterfaces("net1")(complaint));
    assert.equal((await linkOf(complaint, "net1")).index, net1.index);
    writeFileSync(join(folder, "manifests/pod.yaml"), podManifest([WHOLE, OVER]));
    await until("net2 is there", hasInterfaces("net1", "net2"));
  });

  test("killed with SIGKILL and started again, finds its pods and their interfaces as they were", async () => {
    await startAgent();
    const before = await until("the pod runs", hasInterfaces("net1"));
    const net1 = await linkOf(before, "net1");
    await endAgent("SIGKILL");
    assert.equal(
      (await linkOf(before, "net1")).index,
      net1.index,
      "the pod keeps its interface while no agent runs",
    );
    await startAgent();
    const again = await until("the pod runs again", hasInterfaces("net1"));
    assert.equal(again.pods?.[0]?.namespacePath, before.pods?.[0]?.namespacePath);
    assert.equal((await linkOf(again, "net1")).index, net1.index);
    assert.deepEqual(again.pods?.[0]?.devices["lanyard.dev/nics"], [NIC]);
  });

  test("takes a pod down whose manifest goes, and the link comes home", async () => {
    await startAgent();
    const before = await until("the pod runs", hasInterfaces("net1"));
    assert.equal(await kernel.host.links.find(NIC), undefined);
    rmSync(join(folder, "manifests/pod.yaml"));
    await until("no pod is left", ({ pods, attachments }) => pods?.length === 0 && attachments.length === 0);
    assert.equal((await kernel.host.links.get(NIC)).isUp, false);
    assert.equal(existsSync(before.pods?.[0]?.namespacePath ?? ""), false);
  });

  test("refuses to run beside another one on the same socket, and touches nothing", async () => {
    await startAgent();
    await until("the pod runs", hasInterfaces("net1"));
    const second = spawnAgent();
    const [complaint, [code]] = await Promise.all([text(second.stderr as never), once(second, "exit")]);
    assert.equal(code, 1);
    assert.match(complaint, /another process answers there already/);
    assert.ok(hasInterfaces("net1")(await control.status()));
  });

  test("offers a device that loses its carrier as unhealthy, and healthy again when it is back", async () => {
    await startAgent();
    await until("the pod runs", hasInterfaces("net1"));
    const health = async () => {
      const { pools } = await control.devices();
      const pool = pools.find(({ resource }) => resource === "lanyard.dev/uplink-bandwidth");
      return pool?.devices[0]?.health;
    };
    const peer = (await kernel.host.links.get("agt-upp")).index;
    await kernel.host.links.set(peer, { isUp: false });
    for (const wanted of [false, true]) {
      const end = performance.now() + PATIENCE_MS;
      while ((await health())?.isHealthy !== wanted && performance.now() < end) await sleep(20);
      const { isHealthy, reason } = (await health()) ?? {};
      assert.equal(isHealthy, wanted);
      assert.equal(reason, wanted ? undefined : `${UPLINK} has no carrier`);
      await kernel.host.links.set(peer, { isUp: true });
    }
  });
});
