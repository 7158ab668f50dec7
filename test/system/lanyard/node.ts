import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { ControlClient } from "../../../src/control/client.ts";
import type { StatusReport } from "../../../src/control/report.ts";
import { EmbeddedKubelet } from "../../../src/standalone/kubelet/embedded-kubelet.ts";
import { BRIDGE, BRIDGE_NETWORK, leasesIn, linksOf, removeBridge, waitForLinks } from "../cluster-network.ts";
import { Rig } from "../rig.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
/** How long the slowest thing may take, in milliseconds. */
const PATIENCE_MS = 30_000;

/** The node's link that pods' further interfaces stand on, and the other end of its wire. */
export const UPLINK = "sys-up";
const PEER = "sys-peer";

/** Options of LanyardNode. */
export interface LanyardNodeOptions {
  /** Of the runtime; the newest when absent. */
  readonly version?: "newest" | "oldest";
  /** Changes to the section `cni` of the agent's configuration. */
  readonly cni?: Readonly<Record<string, unknown>>;
  /** Our plugin's entry, where it alone is the cluster's network, in place of Debian's bridge. */
  readonly onlyPlugin?: Readonly<Record<string, unknown>>;
}

/**
 * A node with containerd, Debian's bridge as the cluster's network, and an agent chained behind it:
 * `await using node = await LanyardNode.start(manifests)`.
 */
export class LanyardNode implements AsyncDisposable {
  readonly rig: Rig;
  readonly control: ControlClient;
  readonly #folder: string;
  #agent: ChildProcess | undefined;

  private constructor(rig: Rig) {
    this.rig = rig;
    this.#folder = join(rig.folder, "lanyard");
    this.control = new ControlClient(join(this.#folder, "run/agent.sock"));
  }

  /** @param manifests networks, in YAML */
  static async start(manifests: string, options: LanyardNodeOptions = {}): Promise<LanyardNode> {
    const node = new LanyardNode(await Rig.start(options.version));
    try {
      await node.#setUp(manifests, options);
      return node;
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #setUp(manifests: string, { version, cni = {}, onlyPlugin }: LanyardNodeOptions): Promise<void> {
    execFileSync("ip", ["link", "add", UPLINK, "type", "veth", "peer", PEER]);
    for (const name of [UPLINK, PEER]) execFileSync("ip", ["link", "set", name, "up"]);
    for (const name of ["manifests", "kubelet"]) mkdirSync(join(this.#folder, name), { recursive: true });
    writeFileSync(join(this.#folder, "manifests/networks.yaml"), manifests);
    const { rig } = this;
    const config = {
      cni: {
        enabled: true,
        binDirectory: rig.binDirectory,
        confDirectory: rig.confDirectory,
        runtimeSocket: rig.containerd.socket,
        collectIntervalSeconds: 1,
        ...cni,
      },
    };
    writeFileSync(join(this.#folder, "config.yaml"), JSON.stringify(config));
    const cniVersion = version === "oldest" ? "1.0.0" : "1.1.0";
    const agent = {
      socket: join(this.#folder, "run/cni.sock"),
      spool: join(this.#folder, "state/cni-spool"),
    };
    const plugins =
      onlyPlugin === undefined ? BRIDGE_NETWORK.plugins : [{ type: "lanyard", ...onlyPlugin, agent }];
    rig.writeNetwork("10-cluster.conflist", { ...BRIDGE_NETWORK, cniVersion, plugins });
    await this.startAgent();
    await rig.networkHas(...(onlyPlugin === undefined ? ["bridge", "lanyard"] : ["lanyard"]));
    await rig.networkReady();
  }

  /** Resolves when it is ready. */
  async startAgent(): Promise<void> {
    const log = openSync(join(this.#folder, "agent.log"), "a");
    const place = (name: string) => join(this.#folder, name);
    const options = {
      config: place("config.yaml"),
      manifests: place("manifests"),
      "state-dir": place("state"),
      "run-dir": place("run"),
      "kubelet-dir": place("kubelet"),
      "metrics-address": `unix:${place("metrics.sock")}`,
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#agent = spawn(process.execPath, [MAIN, "agent", ...words], { stdio: ["ignore", log, log] });
    await this.until("the agent is ready", ({ isReady }) => isReady);
  }

  async endAgent(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const ended = once(agent, "exit");
    agent.kill(signal);
    const [code] = await ended;
    if (signal === "SIGTERM") assert.equal(code, 0, this.log);
  }

  /**
   * Starts the embedded kubelet, a stand-in for the real one, which tells the agent of the pods that the test admits to it;
   * ends at the end of the block. Without it nobody answers for the kubelet.
   */
  async startKubelet(): Promise<EmbeddedKubelet & AsyncDisposable> {
    const kubelet = new EmbeddedKubelet({
      directory: join(this.#folder, "kubelet"),
      podResourcesSocket: join(this.#folder, "pod-resources/kubelet.sock"),
      log: pino({ level: "silent" }),
    });
    await kubelet.start();
    return Object.assign(kubelet, { [Symbol.asyncDispose]: () => kubelet.stop() });
  }

  /** What the agent wrote so far. */
  get log(): string {
    return readFileSync(join(this.#folder, "agent.log"), "utf8");
  }

  /** Files of DELs that wait for the agent. */
  get spool(): string[] {
    const folder = join(this.#folder, "state/cni-spool");
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  }

  /** Asks the agent again and again until it says what is waited for; fails with what it said last. */
  async until(what: string, holds: (status: StatusReport) => boolean): Promise<StatusReport> {
    const end = performance.now() + PATIENCE_MS;
    let last: unknown;
    while (performance.now() < end && this.#agent?.exitCode === null) {
      try {
        const status = await this.control.status();
        if (holds(status)) return status;
        last = status.attachments;
      } catch (error) {
        last = error;
      }
      await sleep(20);
    }
    assert.fail(`${what}: it did not come; last seen: ${JSON.stringify(last)}\n${this.log.slice(-4000)}`);
  }

  /** Takes our entry out of the network, as a node does that has lost it. The agent must not run. */
  async takeOut(): Promise<void> {
    rmSync(join(this.rig.confDirectory, "00-lanyard.conflist"));
    await this.rig.networkHas("bridge");
  }

  /** Fails when anything is left of pods: links, addresses, DELs that wait, attachments. */
  async isClean(): Promise<void> {
    await this.until("no attachment is left", ({ attachments }) => attachments.length === 0);
    assert.deepEqual(this.spool, []);
    assert.deepEqual(leasesIn(), []);
    const isThere = linksOf().includes(BRIDGE);
    await waitForLinks([...(isThere ? [BRIDGE] : []), "lo", PEER, UPLINK].sort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.endAgent().catch(() => this.endAgent("SIGKILL"));
      await this.rig[Symbol.asyncDispose]();
    } finally {
      removeBridge();
      spawnSync("ip", ["link", "delete", UPLINK], { stdio: "ignore" });
    }
  }
}
