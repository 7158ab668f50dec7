import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UnixSocketClient } from "../../src/rpc/client.ts";
import { ImageService, RuntimeService } from "../../src/rpc/generated/cri/v1_pb.js";
import { makePauseImage, PAUSE_IMAGE } from "./pause-image.ts";

/** How long containerd may take to start, in milliseconds. */
const STARTING = 30_000;

/** A containerd of the test's own; see runtime/fetch.sh. */
export class Containerd {
  readonly socket: string;
  readonly #binaries: string;
  readonly #folder: string;
  readonly #confDirectory: string;
  readonly #binDirectory: string;
  #process: ChildProcess | undefined;

  /**
   * @param binaries folder of containerd, its shim, ctr and runc
   * @param folder for everything it keeps
   * @param confDirectory where it looks for networks
   * @param binDirectory where it looks for plugins' programs
   */
  constructor(binaries: string, folder: string, confDirectory: string, binDirectory: string) {
    this.#binaries = binaries;
    this.#folder = folder;
    this.#confDirectory = confDirectory;
    this.#binDirectory = binDirectory;
    this.socket = join(folder, "containerd.sock");
  }

  /** Starts it, with the image of every sandbox. */
  async start(): Promise<void> {
    mkdirSync(join(this.#folder, "image"), { recursive: true });
    const config = join(this.#folder, "config.toml");
    writeFileSync(config, this.#config());
    const log = openSync(join(this.#folder, "containerd.log"), "a");
    this.#process = spawn(join(this.#binaries, "containerd"), ["--config", config], {
      stdio: ["ignore", log, log],
      env: { PATH: `${this.#binaries}:/usr/sbin:/usr/bin:/sbin:/bin` },
    });
    await this.#until("answers", async () => {
      const client = new UnixSocketClient(RuntimeService, this.socket);
      try {
        await client.call("version", {}, { deadlineMs: 1000 });
        return true;
      } finally {
        client.close();
      }
    });
    const image = makePauseImage(join(this.#folder, "image"));
    const ctr = ["--address", this.socket, "--namespace", "k8s.io", "images", "import"];
    execFileSync(join(this.#binaries, "ctr"), [...ctr, "--snapshotter", "native", image], { stdio: "pipe" });
    await this.#until(`knows ${PAUSE_IMAGE}`, async () => {
      const client = new UnixSocketClient(ImageService, this.socket);
      try {
        const answer = await client.call("imageStatus", { image: { image: PAUSE_IMAGE } });
        return answer.image !== undefined;
      } finally {
        client.close();
      }
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }

  /** What it wrote so far. */
  get log(): string {
    return readFileSync(join(this.#folder, "containerd.log"), "utf8");
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + STARTING;
    for (;;) {
      if (await isSo().catch(() => false)) return;
      if (this.#process?.exitCode !== null || performance.now() > deadline) {
        throw new Error(`it did not come that containerd ${what}:\n${this.log.slice(-4000)}`);
      }
      await sleep(20);
    }
  }

  /** Version 2 of the configuration, which newer ones read too. */
  #config(): string {
    const cri = `plugins."io.containerd.grpc.v1.cri"`;
    return `
version = 2
root = "${join(this.#folder, "root")}"
state = "${join(this.#folder, "state")}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "${this.socket}"
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no process may lower its score.
  restrict_oom_score_adj = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[${cri}.containerd]
  snapshotter = "native"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${join(this.#binaries, "runc")}"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux/${process.arch === "x64" ? "amd64" : process.arch}"
  snapshotter = "native"
[${cri}.cni]
  bin_dir = "${this.#binDirectory}"
  conf_dir = "${this.#confDirectory}"
`;
  }
}
