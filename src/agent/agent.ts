import { dirname, join } from "node:path";
import type { Logger } from "pino";
import { AttachmentEngine } from "../attachment/engine.ts";
import { Journal } from "../attachment/journal.ts";
import type { ResolverSources } from "../attachment/resolve.ts";
import type { DevicesReport, ReportSource, StatusReport } from "../control/report.ts";
import { ControlDoor } from "../control/server.ts";
import { Inventory } from "../inventory/inventory.ts";
import { DevicePluginDoor } from "../kubelet/door.ts";
import { readBootId } from "../linux/boot-id.ts";
import { probeCapabilities, type TcCapabilities } from "../linux/capabilities.ts";
import { makeFolder } from "../linux/folder.ts";
import { Kernel } from "../linux/kernel.ts";
import { MetricsDoor } from "../metrics/door.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import type { AgentConfig } from "../model/agent-config.ts";
import type { DeviceAssignments, NetworkCatalog } from "../model/ports.ts";
import { StandaloneParts } from "./standalone.ts";
import { readVersion } from "./version.ts";

export interface AgentOptions {
  readonly config: AgentConfig;
  /** Folder of manifests; the agent then needs no cluster. */
  readonly standalone?: string;
  /** The journal and the sandboxes' registry. */
  readonly stateDirectory: string;
  /** The control socket. */
  readonly runDirectory: string;
  /** The kubelet's device-plugin folder. */
  readonly kubeletDirectory: string;
  readonly log: Logger;
}

/** Undoes the start of one part. */
type Stop = () => Promise<void> | void;

/**
 * The whole agent: builds its parts and starts and stops them in order.
 *
 * Starting. The control socket is first, because it is how a second agent on the same run folder notices the
 * first one: before it has touched anything. Then the ground: the kernel, what it can do, and the journal, which one
 * agent at a time can open. Then the engine takes back what an earlier run left half done, before any door can ask
 * for more. Then the doors: the inventory knows the devices, the embedded kubelet (in standalone mode) empties its
 * folder, the device plugin serves and registers, metrics are told, and last the pods come, who need all of it.
 *
 * Stopping is the same backwards. Doors close first, so that nothing new is asked; work under way is finished;
 * pods and their interfaces stay as they are, since a stopped agent is no reason for a pod to lose its network.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #startedAt = performance.now();
  /** What to call at the end, in the order in which it was started. */
  readonly #stops: Stop[] = [];
  #engine: AttachmentEngine | undefined;
  #inventory: Inventory | undefined;
  #plugins: DevicePluginDoor | undefined;
  #standalone: StandaloneParts | undefined;
  #capabilities: TcCapabilities | undefined;
  #isReady = false;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Starts everything. What was started is stopped again when a later part fails. */
  async start(): Promise<void> {
    try {
      await this.#startParts();
      this.#isReady = true;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops everything that was started; a part that fails to stop does not keep the others from it. */
  async stop(): Promise<void> {
    this.#isReady = false;
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        this.#options.log.error({ err: error }, "a part of the agent did not stop as it should");
      }
    }
  }

  async #startParts(): Promise<void> {
    const { config, stateDirectory, runDirectory, kubeletDirectory, log } = this.#options;
    makeFolder(runDirectory, 0o700);
    const control = new ControlDoor({
      socketPath: join(runDirectory, "agent.sock"),
      source: this.#reports(),
      log: log.child({ part: "control" }),
    });
    await control.start();
    this.#stops.push(() => control.stop());

    makeFolder(stateDirectory, 0o700);
    const kernel = new Kernel();
    this.#stops.push(() => kernel.stop());
    this.#capabilities = await this.#probe(kernel);

    const journal = new Journal(join(stateDirectory, "attachments.sqlite"), readBootId());
    this.#stops.push(() => journal.close());

    if (this.#options.standalone !== undefined) {
      makeFolder(kubeletDirectory, 0o750);
      this.#standalone = new StandaloneParts({
        manifestDirectory: this.#options.standalone,
        kubeletDirectory,
        stateDirectory,
        log: log.child({ part: "standalone" }),
      });
    }
    const registry = new MetricsRegistry();
    const engine = new AttachmentEngine({
      kernel,
      journal,
      capabilities: this.#capabilities,
      sources: this.#sources(),
      log: log.child({ part: "attachment" }),
      onOperation: (report) => registry.observe(report),
    });
    this.#engine = engine;
    this.#stops.push(() => engine.settle());
    await engine.recover();

    const inventory = new Inventory({
      kernel,
      config,
      held: engine,
      sysfsRoot: "/sys",
      log: log.child({ part: "inventory" }),
    });
    this.#inventory = inventory;
    this.#stops.push(() => inventory.stop());
    await inventory.start();

    const plugins = new DevicePluginDoor({
      pools: inventory,
      kubeletDir: kubeletDirectory,
      log: log.child({ part: "device plugin" }),
    });
    this.#plugins = plugins;
    this.#stops.push(() => plugins.stop());
    const standalone = this.#standalone;
    if (standalone !== undefined) {
      // It ends before the device plugin does, or it would take the plugin's end for a failure; and the plugin
      // shall not wait for it to come back.
      this.#stops.push(async () => {
        plugins.quiesce();
        await standalone.stopKubelet();
      });
      await standalone.startKubelet();
    }
    await plugins.start();

    const { address } = config.metrics;
    if (address.kind === "unix") makeFolder(dirname(address.path), 0o700);
    const metrics = new MetricsDoor({
      address,
      registry,
      kernel,
      attachments: engine,
      pools: inventory,
      resyncs: () => inventory.resyncs,
      whyNotReady: () => (this.#isReady ? undefined : "the agent is starting or stopping"),
      log: log.child({ part: "metrics" }),
    });
    this.#stops.push(() => metrics.stop());
    await metrics.start();

    if (standalone !== undefined) {
      this.#stops.push(() => standalone.stopPods());
      await standalone.startPods(engine);
    }
  }

  /** Asks the kernel what it can do, in a namespace made for that alone, and says once what it lacks. */
  async #probe(kernel: Kernel): Promise<TcCapabilities> {
    await using scratch = await kernel.makeNamespace();
    const capabilities = await probeCapabilities(scratch);
    for (const sentence of capabilities.missing) this.#options.log.info(sentence);
    return capabilities;
  }

  /** Without a manifest folder no door asks for attachments in this version, so that nothing need be known. */
  #sources(): ResolverSources {
    const nothing: NetworkCatalog & DeviceAssignments = {
      podNetwork: () => undefined,
      linkProfile: () => undefined,
      qosClass: () => undefined,
      podNetworkAttachment: () => undefined,
      onChange: () => () => {},
      assignedTo: async () => [],
    };
    return {
      catalog: this.#standalone?.manifests ?? nothing,
      assignments: this.#standalone?.kubelet ?? nothing,
      // The inventory wants to know which links the engine holds, and comes after it.
      devices: { findDevice: (resource, id) => this.#inventory?.findDevice(resource, id) },
    };
  }

  #reports(): ReportSource {
    return { status: () => this.#status(), devices: () => this.#devices() };
  }

  #status(): StatusReport {
    const standalone = this.#standalone;
    return {
      version: readVersion(),
      processId: process.pid,
      uptime: Math.round((performance.now() - this.#startedAt) / 1000),
      isReady: this.#isReady,
      mode: standalone === undefined ? "kubelet" : "standalone",
      kubeletDirectory: this.#options.kubeletDirectory,
      kernelLacks: this.#capabilities?.missing ?? [],
      resources: this.#plugins?.status() ?? [],
      attachments: this.#engine?.list() ?? [],
      ...(standalone === undefined ? {} : { pods: standalone.pods() }),
      notes: [
        ...(standalone?.manifests.problems() ?? []).map(({ message }) => message),
        ...(this.#inventory?.notes() ?? []),
      ],
    };
  }

  #devices(): DevicesReport {
    return { pools: this.#inventory?.pools() ?? [], notes: this.#inventory?.notes() ?? [] };
  }
}
