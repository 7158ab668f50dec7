import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ControlClient } from "../../../src/control/client.ts";
import type { StatusReport } from "../../../src/control/report.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { type Pod, World, within } from "../world.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

export const UPLINK = "cni-up";

/** The result of the cluster's network, which made eth0. */
export const PREVIOUS = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:aa", sandbox: "/somewhere" }],
  ips: [{ address: "10.1.0.5/24", gateway: "10.1.0.1", interface: 0 }],
  later: "kept",
};

const MACVLAN = { cniVersion: "1.0.0", type: "macvlan", master: UPLINK };

/** The configurations of NetworkAttachmentDefinitions, by their names. */
const DEFINITIONS = {
  fast: JSON.stringify({ ...MACVLAN, capabilities: { ips: true }, ipam: { type: "static" } }),
  bare: JSON.stringify(MACVLAN),
  slow: JSON.stringify({ cniVersion: "1.0.0", type: "slow" }),
  broken: JSON.stringify({ ...MACVLAN, master: "no-such-link" }),
  ours: JSON.stringify({ cniVersion: "1.0.0", type: "lanyard", podNetworkName: "over" }),
  unclear: '{ "cniVersion": "1.0.0", "type": "macvlan" ',
};

const OBJECTS = `
apiVersion: lanyard.dev/v1alpha1
kind: LinkProfile
metadata: { name: over }
spec: { type: macvlan, parent: ${UPLINK} }
---
apiVersion: lanyard.dev/v1alpha1
kind: PodNetwork
metadata: { name: over }
spec: { parametersRefs: [{ group: lanyard.dev, kind: LinkProfile, name: over }] }
---
apiVersion: lanyard.dev/v1alpha1
kind: QosClass
metadata: { name: gold }
spec: { egress: { ceiling: 50M } }
`;

const NETWORKS = [
  ...Object.entries(DEFINITIONS).map(([name, config]) =>
    JSON.stringify({
      apiVersion: "k8s.cni.cncf.io/v1",
      kind: "NetworkAttachmentDefinition",
      metadata: { name, namespace: "default" },
      spec: { config },
    }),
  ),
  OBJECTS,
].join("\n---\n");

/** A plugin whose ADD says when it has begun, and goes on when it is told so; there is a file for each. */
const slowPlugin = (folder: string) => `#!/bin/sh
cat > /dev/null
case $CNI_COMMAND in
  ADD)
    : > ${folder}/has-begun
    while [ ! -e ${folder}/goes-on ]; do sleep 0.02; done
    echo '{"cniVersion": "1.0.0", "interfaces": [], "ips": []}'
    ;;
  DEL) : > ${folder}/was-deleted ;;
esac
`;

export interface HttpAnswer {
  readonly status: number | undefined;
  readonly body: string;
}

/** What the runtime got: the code the plugin ended with, and what it printed. */
export interface PluginEnd {
  readonly code: number | null;
  readonly output: Record<string, unknown>;
}

export interface PluginCall {
  readonly command: string;
  readonly pod?: Pod | undefined;
  readonly name?: string;
  readonly sandbox?: string;
  readonly interfaceName?: string;
  readonly input: object;
}

/** A program with its whole environment and what it reads. */
export interface PluginOrder {
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

/** A node with a link to stand on, the runtime's folders, and an agent in between; all of it is gone at the end. */
export class CniNode implements AsyncDisposable {
  readonly world = new World();
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-cni-"));
  readonly #agents: ChildProcess[] = [];
  #settings: Record<string, unknown> = {};
  /** What the configuration says of other things than CNI at an agent's next start. */
  otherSettings: Record<string, unknown> = {};
  /** How often an agent is asked, and how long it may take to say what is waited for, in milliseconds. */
  asking = { every: 20, patience: 15_000 };

  static async make(settings: Record<string, unknown> = {}): Promise<CniNode> {
    const node = new CniNode();
    const { links } = node.world.kernel.host;
    await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: "cni-upp" } }, isUp: true });
    node.world.defer(async () => links.delete((await links.get(UPLINK)).index));
    await links.set((await links.get("cni-upp")).index, { isUp: true });
    for (const name of ["bin", "net.d", "manifests"]) mkdirSync(node.at(name));
    writeFileSync(node.at("manifests/networks.yaml"), NETWORKS);
    const original = { cniVersion: "1.0.0", name: "net", plugins: [{ type: "bridge", bridge: "cni0" }] };
    writeFileSync(node.at("net.d/10-net.conflist"), JSON.stringify(original));
    writeFileSync(node.at("bin/slow"), slowPlugin(node.folder), { mode: 0o755 });
    node.#settings = settings;
    return node;
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** What the configuration says of CNI at an agent's next start. */
  set settings(settings: Record<string, unknown>) {
    this.#settings = settings;
  }

  configure(settings: Record<string, unknown>): void {
    const cni = { enabled: true, binDirectory: this.at("bin"), confDirectory: this.at("net.d") };
    const patience = { waitSeconds: 20, runtimeSocket: this.at("no-runtime.sock") };
    const document = { ...this.otherSettings, cni: { ...cni, ...patience, ...settings } };
    writeFileSync(this.at("config.yaml"), JSON.stringify(document));
  }

  /** Starts an agent, and waits until it is ready; without a cluster where `more` says `--standalone`. */
  async startAgent(...more: string[]): Promise<ChildProcess> {
    const manifests = more.includes("--standalone") ? [] : ["--manifests"];
    this.configure(this.#settings);
    const child = spawn(
      process.execPath,
      [
        ...[MAIN, "agent", "--config", this.at("config.yaml"), ...more, ...manifests, this.at("manifests")],
        ...[
          "--kubelet-dir",
          this.at("device-plugins"),
          "--metrics-address",
          `unix:${this.at("metrics.sock")}`,
        ],
        ...[
          "--state-dir",
          this.at("state"),
          "--run-dir",
          this.at("run"),
          "--log-level",
          process.env.LL ?? "fatal",
        ],
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    this.#agents.push(child);
    await this.until("the agent is ready", ({ isReady, processId }) => isReady && processId === child.pid);
    return child;
  }

  async endAgent(agent: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (agent.exitCode !== null || agent.signalCode !== null) return;
    const ended = once(agent, "exit");
    agent.kill(signal);
    const [code] = await ended;
    if (signal === "SIGTERM") assert.equal(code, 0);
  }

  status(): Promise<StatusReport> {
    return new ControlClient(this.at("run/agent.sock")).status();
  }

  /** Asks the agent again and again until it says what is waited for. */
  until(what: string, holds: (status: StatusReport) => boolean): Promise<StatusReport> {
    const start = (settle: (value: StatusReport) => void) => {
      const look = setInterval(async () => {
        const status = await this.status().catch(() => undefined);
        if (status !== undefined && holds(status)) settle(status);
      }, this.asking.every);
      return () => clearInterval(look);
    };
    return within(what, start, this.asking.patience);
  }

  /** Calls the installed plugin as a runtime does. */
  async call(call: PluginCall): Promise<PluginEnd> {
    const { program, environment, input } = this.order(call);
    const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"], env: environment });
    child.stdin.end(input);
    const [[code], output] = await Promise.all([once(child, "close"), text(child.stdout)]);
    return { code, output: output.trim() === "" ? {} : JSON.parse(output) };
  }

  /** The installed plugin, and what a runtime gives it for a call. */
  order({
    command,
    pod,
    name = "alpha",
    sandbox = "box1",
    interfaceName = "eth0",
    input,
  }: PluginCall): PluginOrder {
    const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=uid-${name}`;
    // A network that somebody else wrote need not say where the agent is, which is in its usual place then.
    const agent = { socket: this.at("run/cni.sock"), spool: this.at("state/cni-spool") };
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: sandbox,
      CNI_NETNS: pod?.namespacePath ?? "",
      CNI_IFNAME: interfaceName,
      CNI_ARGS: args,
      CNI_PATH: this.at("bin"),
    };
    return { program: this.at("bin/lanyard"), environment, input: JSON.stringify({ agent, ...input }) };
  }

  /** What the runtime tells our entry of the generated network, as libcni derives it. */
  chained(annotations: Record<string, string> | null, more: object = {}): Record<string, unknown> {
    const { cniVersion, name, plugins } = JSON.parse(
      readFileSync(this.at("net.d/00-lanyard.conflist"), "utf8"),
    );
    const { capabilities: _, ...entry } = plugins.at(-1);
    const runtimeConfig = { "io.kubernetes.cri.pod-annotations": annotations };
    return { cniVersion, name, ...entry, runtimeConfig, prevResult: PREVIOUS, ...more };
  }

  /** The cluster's network is gone from the runtime's folder. */
  removeNetwork(): void {
    rmSync(this.at("net.d/10-net.conflist"));
  }

  /** Another network in the runtime's folder. */
  putNetwork(file: string, network: object): void {
    writeFileSync(this.at(`net.d/${file}`), JSON.stringify(network));
  }

  /** Settles when there is such a file. */
  file(name: string): Promise<void> {
    return within(`the file ${name}`, (settle: (value: undefined) => void) => {
      const look = setInterval(() => existsSync(this.at(name)) && settle(undefined), 10);
      return () => clearInterval(look);
    });
  }

  fileGone(name: string): Promise<void> {
    return within(`no file ${name}`, (settle: (value: undefined) => void) => {
      const look = setInterval(() => !existsSync(this.at(name)) && settle(undefined), 10);
      return () => clearInterval(look);
    });
  }

  touch(name: string): void {
    writeFileSync(this.at(name), "");
  }

  /** Asks the socket in Multus' place. */
  askMultus(method: string, path: string, body = ""): Promise<HttpAnswer> {
    return ask(this.at("multus/multus.sock"), method, path, body);
  }

  async metrics(): Promise<string> {
    return (await ask(this.at("metrics.sock"), "GET", "/metrics", "")).body;
  }

  async linksOf(pod: Pod): Promise<Link[]> {
    await using namespace = await this.world.kernel.namespace(pod.namespacePath);
    return (await namespace.links.list()).links;
  }

  /** Makes a link in the pod that stands for what the cluster's network made. */
  async giveEth0(pod: Pod): Promise<void> {
    await using namespace = await this.world.kernel.namespace(pod.namespacePath);
    await namespace.links.create({ name: "eth0", of: { kind: "veth", peer: { name: "eth0p" } }, isUp: true });
  }

  async namesOf(pod: Pod): Promise<string[]> {
    return (await this.linksOf(pod))
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("eth0") && name !== "lo")
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(this.folder, { recursive: true, force: true }));
    stack.use(this.world);
    for (const agent of this.#agents) stack.defer(() => this.endAgent(agent));
    // An agent waits for the plugins that it runs.
    this.touch("goes-on");
  }
}

function ask(socketPath: string, method: string, path: string, body: string): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request({ socketPath, method, path }, (response) => {
      text(response).then((said) => resolve({ status: response.statusCode, body: said }), reject);
    })
      .on("error", reject)
      .end(body);
  });
}
