import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { ControlClient } from "../../../src/control/client.ts";
import { EmbeddedKubelet } from "../../../src/standalone/kubelet/embedded-kubelet.ts";
import { leaveSharedNamespace, World, within } from "../world.ts";

/*
 * The agent as a kubelet has it: the kubelet here is the embedded one, a stand-in, which the test starts and stops
 * itself.
 */

leaveSharedNamespace();

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const PATIENCE = { timeout: 60_000 };
const NICS = "lanyard.dev/nics";
const OTHERS = "lanyard.dev/others";

const pool = (name: string, pattern: string) =>
  `  - { name: ${name}, kind: hostDevice, links: ["${pattern}"] }\n`;

/** A node with spare links nic0, nic1 and other0, a folder for a kubelet, and agents that are gone at the end. */
class Node implements AsyncDisposable {
  readonly world = new World();
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-kubelet-"));
  readonly #agents: ChildProcess[] = [];
  #kubelet: EmbeddedKubelet | undefined;

  static async make(): Promise<Node> {
    const node = new Node();
    const { links } = node.world.kernel.host;
    for (const name of ["nic0", "nic1", "other0"]) {
      await links.create({ name, of: { kind: "veth", peer: { name: `p${name}` } } });
      node.world.defer(async () => links.delete((await links.get(name)).index));
    }
    mkdirSync(join(node.folder, "config"));
    node.configure(pool("nics", "nic*"));
    return node;
  }

  configure(pools: string): void {
    writeFileSync(join(this.folder, "config/config.yaml"), `pools:\n${pools}`);
  }

  get kubelet(): EmbeddedKubelet {
    assert.ok(this.#kubelet);
    return this.#kubelet;
  }

  async startKubelet(keysBy: "resource" | "resourceAndSocket" = "resourceAndSocket"): Promise<void> {
    this.#kubelet = new EmbeddedKubelet({
      directory: join(this.folder, "device-plugins"),
      podResourcesSocket: join(this.folder, "pod-resources/kubelet.sock"),
      keysBy,
      log: pino({ level: "silent" }),
    });
    await this.#kubelet.start();
  }

  async stopKubelet(): Promise<void> {
    await this.#kubelet?.stop();
    this.#kubelet = undefined;
  }

  /** Starts an agent on the node's folders. */
  startAgent(...more: string[]): ChildProcess {
    const at = (name: string) => join(this.folder, name);
    const child = spawn(
      process.execPath,
      [
        ...[MAIN, "agent", "--config", at("config/config.yaml"), "--kubelet-dir", at("device-plugins")],
        ...["--state-dir", at("state"), "--run-dir", at("run"), "--log-level", "warn"],
        ...["--metrics-address", `unix:${at("metrics.sock")}`, ...more],
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    this.#agents.push(child);
    return child;
  }

  get control(): ControlClient {
    return new ControlClient(join(this.folder, "run/agent.sock"));
  }

  /** Settles when the kubelet counts so many healthy devices of a resource; undefined: it does not know it. */
  async counts(resource: string, allocatable: number | undefined): Promise<void> {
    await within(`${allocatable} of ${resource}`, (settle: (value: undefined) => void) => {
      const look = () => {
        if (this.allocatable(resource) === allocatable) settle(undefined);
      };
      const unsubscribe = this.kubelet.onChange(look);
      look();
      return unsubscribe;
    });
  }

  allocatable(resource: string): number | undefined {
    return this.kubelet.resources().find((each) => each.resource === resource)?.allocatable;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await end(agent, "SIGTERM");
    await this.stopKubelet();
    await this.world[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function end(agent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = once(agent, "exit");
  agent.kill(signal);
  await ended;
}

test(
  "pools follow the configuration while the agent runs, and a mistake in it changes nothing",
  PATIENCE,
  async () => {
    await using node = await Node.make();
    await node.startKubelet();
    node.startAgent();
    await node.counts(NICS, 2);
    node.configure(pool("nics", "nic*") + pool("others", "other*"));
    await node.counts(OTHERS, 1);
    node.configure("  this is no list: [");
    await within("the mistake is told", (settle: (value: undefined) => void) => {
      const look = setInterval(async () => {
        const { notes } = await node.control.status();
        if (notes.some((note) => /config\.yaml.*until this is mended/.test(note))) settle(undefined);
      }, 20);
      return () => clearInterval(look);
    });
    assert.deepEqual([node.allocatable(NICS), node.allocatable(OTHERS)], [2, 1]);
    node.configure(pool("nics", "nic0") + pool("others", "*1"));
    await node.counts(NICS, 1);
  },
);

test("a mistake in one pool takes away that one alone", PATIENCE, async () => {
  await using node = await Node.make();
  await node.startKubelet();
  node.configure(`${pool("nics", "nic*")}  - { name: others, kind: hostDevice, link: ["other*"] }\n`);
  node.startAgent();
  await node.counts(NICS, 2);
  const { notes } = await node.control.status();
  assert.ok(
    notes.some((note) => /pools\[1\]\.link: .*did you mean "?links"?/.test(note)),
    notes.join("\n"),
  );
});

test(
  "a kubelet that starts again has the devices at once, and so when the agent does",
  PATIENCE,
  async () => {
    await using node = await Node.make();
    await node.startKubelet();
    let agent = node.startAgent();
    await node.counts(NICS, 2);
    await node.stopKubelet();
    await node.startKubelet();
    await node.counts(NICS, 2);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await end(agent, signal);
      await node.counts(NICS, 0);
      agent = node.startAgent();
      await node.counts(NICS, 2);
    }
  },
);

for (const keysBy of ["resourceAndSocket", "resource"] as const) {
  test(`an agent takes over from another at a kubelet that keys by ${keysBy}`, PATIENCE, async () => {
    await using node = await Node.make();
    await node.startKubelet(keysBy);
    const first = node.startAgent();
    await node.counts(NICS, 2);
    const seen: (number | undefined)[] = [];
    node.kubelet.onChange(() => seen.push(node.allocatable(NICS)));
    const second = node.startAgent("--take-over");
    await within("the second is ready and registered", (settle: (value: undefined) => void) => {
      const look = setInterval(async () => {
        const status = await node.control.status().catch(() => undefined);
        if (status === undefined) return;
        const isRegistered = status.resources.every((each) => each.isRegistered);
        if (status.processId === second.pid && status.isReady && isRegistered) settle(undefined);
      }, 20);
      return () => clearInterval(look);
    });
    await end(first, "SIGTERM");
    assert.equal(first.exitCode, 0);
    await node.counts(NICS, 2);
    const lost = seen.filter((count) => count !== 2);
    // An older kubelet takes the first's end for the second's, and hears of that one again at once.
    if (keysBy === "resourceAndSocket") assert.deepEqual(lost, []);
    // It is the second's word that counts.
    node.configure(pool("nics", "nic0"));
    await node.counts(NICS, 1);
  });
}

test("an agent that is to take over starts as any other where none runs", PATIENCE, async () => {
  await using node = await Node.make();
  await node.startKubelet();
  node.startAgent("--take-over");
  await node.counts(NICS, 2);
});
