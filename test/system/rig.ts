import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerRuntime } from "../../src/clients/container-runtime.ts";
import { UnixSocketClient } from "../../src/rpc/client.ts";
import { RuntimeService } from "../../src/rpc/generated/cri/v1_pb.js";
import { Containerd } from "./containerd.ts";
import { chooseCgroup, removeStaleCgroups } from "./world.ts";

/** What a sandbox is made of. */
export interface SandboxWish {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Times it was made before. */
  readonly attempt?: number;
}

/** What containerd tells of the networks it has read. */
interface LoadedNetworks {
  readonly Networks?: readonly {
    readonly Config: { readonly Plugins: readonly { readonly Network: { readonly type: string } }[] };
  }[];
}

/**
 * A node with a container runtime, and the test in the kubelet's place: `await using rig = await Rig.start()`. At the end
 * its sandboxes are removed and the runtime is stopped, also when the test fails.
 */
export class Rig implements AsyncDisposable {
  readonly folder: string;
  /** Networks of the node. */
  readonly confDirectory: string;
  /** Programs of plugins: Debian's, and what a test puts there. */
  readonly binDirectory: string;
  readonly containerd: Containerd;
  readonly runtime: ContainerRuntime;
  readonly #client: UnixSocketClient<typeof RuntimeService>;
  readonly #cgroup = chooseCgroup();

  private constructor(version: "newest" | "oldest") {
    const runtimes = process.env.LANYARD_RUNTIMES;
    if (runtimes === undefined) throw new Error("start it by: npm run test:system");
    this.folder = mkdtempSync(join(tmpdir(), "rig-"));
    this.confDirectory = join(this.folder, "net.d");
    this.binDirectory = join(this.folder, "bin");
    mkdirSync(this.confDirectory);
    cpSync(join(runtimes, version, "cni"), this.binDirectory, { recursive: true });
    this.containerd = new Containerd(
      join(runtimes, version, "bin"),
      join(this.folder, "containerd"),
      this.confDirectory,
      this.binDirectory,
    );
    this.runtime = new ContainerRuntime({ socket: this.containerd.socket });
    this.#client = new UnixSocketClient(RuntimeService, this.containerd.socket);
  }

  static async start(version: "newest" | "oldest" = "newest"): Promise<Rig> {
    const rig = new Rig(version);
    try {
      await rig.containerd.start();
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Puts a network into the folder of networks. */
  writeNetwork(file: string, network: Readonly<Record<string, unknown>>): void {
    writeFileSync(join(this.confDirectory, file), JSON.stringify(network, null, 2));
  }

  /** Puts a program into the folder of plugins. */
  writeProgram(name: string, text: string): void {
    writeFileSync(join(this.binDirectory, name), text, { mode: 0o755 });
  }

  /** Waits until the runtime says that pods have a network. */
  async networkReady(): Promise<void> {
    while ((await this.networkTrouble()) !== "") await sleep(10);
  }

  /** Waits until the runtime says that pods have none. */
  async networkLost(): Promise<void> {
    while ((await this.networkTrouble()) === "") await sleep(10);
  }

  /** Waits until the network for pods has exactly these plugins: the runtime reads changed files by and by. */
  async networkHas(...plugins: readonly string[]): Promise<void> {
    for (;;) {
      const { info } = await this.#client.call("status", { verbose: true });
      const { Networks = [] } = JSON.parse(info.cniconfig ?? "{}") as LoadedNetworks;
      const loaded = Networks.map(({ Config }) => Config.Plugins.map(({ Network }) => Network.type));
      // The first is the loopback link's.
      if (loaded[1]?.join() === plugins.join()) return;
      await sleep(10);
    }
  }

  /** What the runtime says of the network for pods: empty when it is ready. */
  async networkTrouble(): Promise<string> {
    const { status } = await this.#client.call("status", {});
    const condition = status?.conditions.find(({ type }) => type === "NetworkReady");
    return condition?.status ? "" : (condition?.message ?? "it says nothing of it");
  }

  /**
   * Makes a sandbox as the kubelet does.
   * @returns its id
   */
  async runSandbox(wish: SandboxWish): Promise<string> {
    const { name, namespace = "default", uid = randomUUID(), annotations = {}, attempt = 0 } = wish;
    const config = {
      metadata: { name, namespace, uid, attempt },
      hostname: name,
      labels: {
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
      },
      annotations: { ...annotations },
      linux: { cgroupParent: this.#cgroup },
    };
    const { podSandboxId } = await this.#client.call("runPodSandbox", { config }, { deadlineMs: 120_000 });
    return podSandboxId;
  }

  /** Kills the sandbox' process behind the runtime's back, and waits until the runtime knows. */
  async kill(id: string): Promise<void> {
    const { info } = await this.#client.call("podSandboxStatus", { podSandboxId: id, verbose: true });
    process.kill(JSON.parse(info.info ?? "").pid, "SIGKILL");
    while ((await this.runtime.sandbox(id))?.isReady) await sleep(10);
  }

  /** Ends the sandbox and takes its network down. */
  async stop(id: string): Promise<void> {
    await this.#client.call("stopPodSandbox", { podSandboxId: id }, { deadlineMs: 120_000 });
  }

  /** Stops it, and lets the runtime forget it. */
  async remove(id: string): Promise<void> {
    await this.stop(id);
    await this.#client.call("removePodSandbox", { podSandboxId: id }, { deadlineMs: 120_000 });
  }

  /** Path of the sandbox' network namespace. */
  async namespacePath(id: string): Promise<string> {
    const sandbox = await this.runtime.sandbox(id);
    if (sandbox?.namespacePath === undefined) throw new Error(`sandbox ${id} has no network namespace`);
    return sandbox.namespacePath;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const ids = await this.runtime.sandboxes().catch(() => []);
      await Promise.allSettled([...ids].map((id) => this.remove(id)));
      this.#client.close();
      await this.containerd.stop();
    } finally {
      removeStaleCgroups();
      for (const name of readdirSync("/run/containerd")) {
        rmSync(join("/run/containerd", name), { recursive: true, force: true });
      }
      // What plugins keep, leases and libcni's results, and the namespaces of sandboxes that the runtime forgot.
      rmSync("/var/lib/cni", { recursive: true, force: true });
      for (const name of readdirSync("/run/netns")) {
        spawnSync("umount", ["-n", join("/run/netns", name)], { stdio: "ignore" });
        rmSync(join("/run/netns", name), { force: true });
      }
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
