import assert from "node:assert/strict";
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { Journal } from "../../../src/attachment/journal/journal.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import type { Route } from "../../../src/linux/route/route.ts";
import type { AttachmentOwner, NetworkReference } from "../../../src/model/attachment.ts";
import {
  type EngineSetup,
  makeEngine,
  makePod,
  makeStateFolder,
  openJournal,
  PodSandbox,
} from "./fixtures.ts";

/** One pod with an engine that serves it. */
export class EngineScene {
  readonly pod = makePod("scene");
  readonly #setup: Omit<EngineSetup, "journal">;
  readonly #state = makeStateFolder();
  readonly journal: Journal = openJournal(this.#state.path);
  engine!: AttachmentEngine;
  sandbox!: PodSandbox;

  private constructor(setup: Omit<EngineSetup, "journal">) {
    this.#setup = setup;
  }

  static async open(setup: Omit<EngineSetup, "journal">): Promise<EngineScene> {
    const scene = new EngineScene(setup);
    scene.engine = await makeEngine({ ...setup, journal: scene.journal });
    scene.sandbox = await PodSandbox.start();
    return scene;
  }

  get kernel(): Kernel {
    return this.#setup.kernel;
  }

  /** What an ADD of the runtime asks for. */
  attach(owner: AttachmentOwner, ...references: NetworkReference[]) {
    const { pod, sandbox } = this;
    return this.engine.attach({ pod, namespacePath: sandbox.namespacePath, references, owner });
  }

  reconcile(...references: NetworkReference[]) {
    const { pod, sandbox } = this;
    return this.engine.reconcile({ pod, namespacePath: sandbox.namespacePath, references });
  }

  async inPod<T>(look: (pod: Namespace) => Promise<T>): Promise<T> {
    await using namespace = await this.kernel.namespace(this.sandbox.namespacePath);
    return await look(namespace);
  }

  /** Names of the pod's links. */
  names(): Promise<string[]> {
    return this.inPod(async ({ links }) => (await links.list()).links.map(({ name }) => name).sort());
  }

  /** The pod's default routes in the order in which they are taken, each by its next hops. */
  defaults(): Promise<string[]> {
    return this.inPod(async ({ links, routes }) => {
      const byIndex = new Map((await links.list()).links.map(({ index, name }) => [index, name]));
      const describe = ({ nextHops }: Route) =>
        nextHops.map(({ gateway, link = 0 }) => `${gateway} by ${byIndex.get(link)}`).join(", ");
      const all = (await routes.list({ type: "unicast" })).routes;
      return all.filter(({ destination }) => destination.endsWith("/0")).map(describe);
    });
  }

  /** Gives the pod the interface and the default routes that the cluster's network would. */
  async giveEth0(): Promise<void> {
    await this.inPod(async ({ links, addresses, routes }) => {
      await links.create({ name: "eth0", of: { kind: "ifb" }, isUp: true });
      const { index: link } = await links.get("eth0");
      await addresses.add(link, "10.70.0.2/24");
      await addresses.add(link, "fd70::2/64", { flags: ["nodad"] });
      await routes.add({ destination: "0.0.0.0/0", gateway: "10.70.0.1", link });
      await routes.add({ destination: "::/0", gateway: "fd70::1", link });
    });
  }

  async close(): Promise<void> {
    try {
      for (const { pod } of this.engine.list()) await this.engine.release(pod);
      assert.deepEqual(this.journal.entries(), []);
    } finally {
      await this.sandbox.end();
      this.journal.close();
      this.#state.remove();
    }
  }
}
