import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlClient } from "../../../src/control/client.ts";
import type { Launcher } from "../plugins/launcher.ts";
import { type BenchPod, type Side, UPLINK } from "../plugins/pods.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
export const SHIM = fileURLToPath(new URL("../../../native/build/cni-shim", import.meta.url));

/** How long the agent may take to be ready, and to end, in milliseconds. */
const PATIENCE_MS = 30_000;

/** The network, as a cluster would have it for Multus. */
const NETWORK = `
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { name: bench, namespace: default }
spec:
  config: '{"cniVersion": "1.0.0", "type": "macvlan", "master": "${UPLINK}", "mode": "bridge",
    "capabilities": {"ips": true}, "ipam": {"type": "static"}}'
`;

/** The whole agent in a process of its own, with its plugin, as a node has it. */
export class BenchAgent implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #places: { readonly run: string; readonly spool: string };

  /** @param folder where it keeps everything; on disk */
  constructor(folder: string) {
    const [bin, manifests, run, state] = ["bin", "manifests", "run", "state"].map((name) =>
      join(folder, name),
    ) as [string, string, string, string];
    for (const each of [bin, manifests]) mkdirSync(each);
    writeFileSync(join(manifests, "network.yaml"), NETWORK);
    const configuration = join(folder, "config.yaml");
    const cni = { enabled: true, chained: false, binDirectory: bin };
    writeFileSync(configuration, JSON.stringify({ cni }));
    this.#places = { run, spool: join(state, "cni-spool") };
    const parameters = [
      ...["--config", configuration, "--manifests", manifests, "--state-dir", state, "--run-dir", run],
      ...["--kubelet-dir", join(folder, "kubelet"), "--log-level", "error"],
      ...["--metrics-address", `unix:${join(run, "metrics.sock")}`],
    ];
    this.#process = spawn(process.execPath, [MAIN, "agent", ...parameters], {
      stdio: ["ignore", "inherit", "inherit"],
    });
  }

  get processId(): number {
    if (this.#process.pid === undefined) throw new Error("the agent could not be started");
    return this.#process.pid;
  }

  /** What the plugin is told of its agent. */
  get plugin(): { readonly socket: string; readonly spool: string } {
    return { socket: join(this.#places.run, "cni.sock"), spool: this.#places.spool };
  }

  async untilReady(): Promise<void> {
    const control = new ControlClient(join(this.#places.run, "agent.sock"));
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const isReady = await control.status().then(
        (status) => status.isReady,
        () => false,
      );
      if (isReady) return;
      if (performance.now() > deadline) throw new Error(`the agent was not ready after ${PATIENCE_MS} ms`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), PATIENCE_MS);
    this.#process.kill("SIGTERM");
    await ended;
    clearTimeout(late);
  }
}

/** The plugin chained behind a cluster's network, which tells it the pod's annotations: one call for all interfaces. */
export function makeOurSide(launcher: Launcher, agent: BenchAgent): Side {
  const call = async (command: "ADD" | "DEL", pod: BenchPod): Promise<number> => {
    const networks = pod.interfaces.map(({ name, address }) => ({
      name: "bench",
      interface: name,
      ips: [address],
    }));
    const configuration = {
      cniVersion: "1.0.0",
      name: "cluster",
      type: "lanyard",
      attachPodNetworks: true,
      agent: agent.plugin,
      runtimeConfig: {
        "io.kubernetes.cri.pod-annotations": { "k8s.v1.cni.cncf.io/networks": JSON.stringify(networks) },
      },
      prevResult: {
        cniVersion: "1.0.0",
        interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: pod.namespacePath }],
        ips: [{ address: "10.244.0.2/24", gateway: "10.244.0.1", interface: 0 }],
      },
    };
    const { code, output, milliseconds } = await launcher.run({
      program: SHIM,
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: pod.id,
        CNI_NETNS: pod.namespacePath,
        CNI_IFNAME: "eth0",
        CNI_PATH: "/opt/cni/bin",
        CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.id};K8S_POD_UID=${pod.id}`,
      },
      input: JSON.stringify(configuration),
    });
    if (code !== 0) throw new Error(`${pod.id}: lanyard ${command} ended with exit code ${code}: ${output}`);
    return milliseconds;
  };
  return { name: "lanyard", add: (pod) => call("ADD", pod), delete: (pod) => call("DEL", pod) };
}
