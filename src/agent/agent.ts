import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import { AttachmentEngine } from "../attachment/engine.ts";
import { Journal } from "../attachment/journal.ts";
import type { ResolverSources } from "../attachment/resolve.ts";
import { ControlClient } from "../control/client.ts";
import { describeNodeNetwork, type NodeNetwork } from "../control/node-network.ts";
import type { DevicesReport, ReportSource, StatusReport } from "../control/report.ts";
import { ControlDoor } from "../control/server.ts";
import { readBootId } from "../linux/boot-id.ts";
import { probeCapabilities, type TcCapabilities } from "../linux/capabilities.ts";
import { makeFolder } from "../linux/folder.ts";
import { Kernel } from "../linux/kernel.ts";
import { MetricsDoor } from "../metrics/door.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import type { ListenAddress } from "../model/agent-config.ts";
import { LanyardError } from "../model/errors.ts";
import type { DeviceAssignments, NetworkCatalog, PolicySource } from "../model/ports.ts";
import { isListening } from "../rpc/socket-file.ts";
import { ManifestFolder } from "../standalone/manifests.ts";
import type { Configuration, ConfigurationPaths } from "./configuration.ts";
import { ConfigurationWatch } from "./configuration-watch.ts";
import { DeviceParts } from "./devices.ts";
import type { Folders } from "./folders.ts";
import { StandaloneParts } from "./standalone.ts";
import { readVersion } from "./version.ts";

export interface AgentOptions {
  /** The configuration as it was read, and where it is read again when it changes. */
  readonly configuration: Configuration;
  readonly paths: ConfigurationPaths;
  /** In place of the configuration's. */
  readonly metricsAddress?: ListenAddress;
  /** Folder of manifests; the agent then needs no cluster. */
  readonly standalone?: string;
  /** Whether an agent that runs is asked to leave the node to this one. */
  readonly takesOver: boolean;
  /** Folder of DevicePolicies, where no cluster or manifest folder holds any. */
  readonly policies?: string;
  readonly folders: Folders;
  readonly log: Logger;
}

/** Undoes the start of one part. */
interface Stop {
  readonly stop: () => Promise<void> | void;
  /** It goes on when the agent has left the node to another. */
  readonly isKept: boolean;
}

/**
 * The whole agent: builds its parts and starts and stops them in order.
 *
 * Starting. The control socket is first, because it is how a second agent on the same run folder notices the
 * first one: before it has touched anything. Then the ground: the kernel, what it can do, and the journal, which one
 * agent at a time can open. Then the engine takes back what an earlier run left half done, before any door can ask
 * for more. Then the manifests are read, since what they say of PFs must be known before anything is done to one. Then
 * the embedded kubelet (in standalone mode) empties its folder, and tells which pods have which devices. Then the devices:
 * the node is read, the pools are formed, policies are held. Then the doors: the device plugin serves and registers,
 * metrics are told, and last the pods come, who need all of it.
 *
 * Handing over. An agent that is started to take over asks the one that runs, at its control socket, to leave the node to
 * it. That one finishes what it does, lets go of the journal, the policies and every socket but those on which the kubelet
 * watches its devices, and then only waits for its end: the kubelet lets go of them itself when the new agent has
 * registered, and capacity does not fall meanwhile.
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
  #configuration: ConfigurationWatch | undefined;
  #devices: DeviceParts | undefined;
  #standalone: StandaloneParts | undefined;
  #manifests: ManifestFolder | undefined;
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
    await this.#end(this.#stops.splice(0));
  }

  /** Leaves the node to another agent, and goes on only for what the kubelet watches. */
  async #handOver(): Promise<void> {
    const { log } = this.#options;
    if (this.#standalone !== undefined) {
      const text = "an agent with --standalone cannot hand over: its kubelet ends with it; stop it first";
      throw new LanyardError("unsupported", text);
    }
    if (!this.#isReady) throw new LanyardError("unavailable", "the agent is starting or stopping; ask again");
    this.#isReady = false;
    log.info("another agent takes over; this one waits for its end");
    this.#devices?.door.quiesce();
    const stops = this.#stops.filter(({ isKept }) => !isKept);
    for (const each of stops) this.#stops.splice(this.#stops.indexOf(each), 1);
    await this.#end(stops);
    await this.#devices?.stopProvisioning();
  }

  /** Stops parts, the last that was started first. */
  async #end(stops: readonly Stop[]): Promise<void> {
    for (const { stop } of stops.toReversed()) {
      try {
        await stop();
      } catch (error) {
        this.#options.log.error({ err: error }, "a part of the agent did not stop as it should");
      }
    }
  }

  #started(stop: Stop["stop"], { isKept = false } = {}): void {
    this.#stops.push({ stop, isKept });
  }

  async #startParts(): Promise<void> {
    const { folders, log } = this.#options;
    makeFolder(folders.run, 0o700);
    if (this.#options.takesOver) await this.#takeOver();
    const control = new ControlDoor({
      socketPath: join(folders.run, "agent.sock"),
      source: this.#reports(),
      log: log.child({ part: "control" }),
    });
    await control.start();
    // Its own handing over closes it.
    this.#started(() => control.stop(), { isKept: true });

    makeFolder(folders.state, 0o700);
    const kernel = new Kernel();
    this.#started(() => kernel.stop(), { isKept: true });
    this.#capabilities = await this.#probe(kernel);

    const journal = new Journal(join(folders.state, "attachments.sqlite"), readBootId());
    this.#started(() => journal.close());

    if (this.#options.standalone !== undefined) {
      makeFolder(folders.kubelet, 0o750);
      this.#standalone = new StandaloneParts({
        manifestDirectory: this.#options.standalone,
        folders,
        pluginsRegistry: this.#options.configuration.agent.kubelet.pluginsRegistry,
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
    this.#started(() => engine.settle());
    await engine.recover();

    const policies = await this.#readPolicies();
    const configuration = new ConfigurationWatch({
      paths: this.#options.paths,
      initial: this.#options.configuration,
      log: log.child({ part: "configuration" }),
    });
    this.#configuration = configuration;
    this.#started(() => configuration.stop());
    configuration.start();

    const devices = new DeviceParts({ kernel, configuration, folders, held: engine, policies, log });
    this.#devices = devices;
    this.#started(() => devices.stop(), { isKept: true });
    this.#started(() => devices.door.stop(), { isKept: true });
    const standalone = this.#standalone;
    if (standalone !== undefined) {
      // It ends before the device plugin does, or it would take the plugin's end for a failure; and the plugin
      // shall not wait for it to come back.
      this.#started(async () => {
        devices.door.quiesce();
        await standalone.stopKubelet();
      });
      await standalone.startKubelet();
    }
    await devices.start();
    await devices.door.start();

    const address = this.#options.metricsAddress ?? this.#options.configuration.agent.metrics.address;
    if (address.kind === "unix") makeFolder(dirname(address.path), 0o700);
    const metrics = new MetricsDoor({
      address,
      registry,
      kernel,
      attachments: engine,
      pools: devices.inventory,
      uses: devices.book,
      resyncs: () => devices.node.resyncs,
      whyNotReady: () => (this.#isReady ? undefined : "the agent is starting or stopping"),
      log: log.child({ part: "metrics" }),
    });
    this.#started(() => metrics.stop());
    await metrics.start();

    if (standalone !== undefined) {
      this.#started(() => standalone.stopPods());
      standalone.startPods(engine);
    }
  }

  async #takeOver(): Promise<void> {
    const { folders, log } = this.#options;
    const socketPath = join(folders.run, "agent.sock");
    if (!(await isListening(socketPath))) return;
    await new ControlClient(socketPath).handOver();
    log.info("the agent that ran has handed over");
  }

  /** Where policies for PFs are kept; undefined where nobody keeps any. */
  async #readPolicies(): Promise<PolicySource | undefined> {
    const folder = this.#standalone?.manifests ?? this.#policyFolder();
    if (folder === undefined) return undefined;
    this.#manifests = folder;
    this.#started(() => folder.stop());
    await folder.start();
    return folder;
  }

  #policyFolder(): ManifestFolder | undefined {
    const { policies: directory, log } = this.#options;
    return directory === undefined ? undefined : new ManifestFolder({ directory, log });
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
      devices: {
        findDevice: (resource, id) => this.#devices?.inventory.findDevice(resource, id),
        bandwidthResource: (link) => this.#devices?.inventory.bandwidthResource(link),
      },
    };
  }

  #reports(): ReportSource {
    return {
      status: () => this.#status(),
      devices: () => this.#devicesReport(),
      nodeNetwork: () => this.#nodeNetwork(),
      handOver: () => this.#handOver(),
    };
  }

  #status(): StatusReport {
    const standalone = this.#standalone;
    return {
      version: readVersion(),
      processId: process.pid,
      uptime: Math.round((performance.now() - this.#startedAt) / 1000),
      isReady: this.#isReady,
      mode: standalone === undefined ? "kubelet" : "standalone",
      kubeletDirectory: this.#options.folders.kubelet,
      kernelLacks: this.#capabilities?.missing ?? [],
      resources: this.#devices?.door.status() ?? [],
      attachments: this.#engine?.list() ?? [],
      ...(standalone === undefined ? {} : { pods: standalone.pods() }),
      pfs: this.#devices?.provisioner?.status() ?? [],
      notes: [...(this.#manifests?.problems() ?? []).map(({ message }) => message), ...this.#deviceNotes()],
    };
  }

  #devicesReport(): DevicesReport {
    return { pools: this.#devices?.inventory.pools() ?? [], notes: this.#deviceNotes() };
  }

  #nodeNetwork(): NodeNetwork {
    const { node, inventory, book, provisioner } = this.#devices ?? {};
    return describeNodeNetwork({
      nodeName: hostname(),
      functions: node?.functions() ?? [],
      links: node?.links() ?? [],
      pools: inventory?.pools() ?? [],
      uses: book?.uses() ?? [],
      pfs: provisioner?.status() ?? [],
      policies: provisioner?.policyStatus() ?? [],
    });
  }

  /** What is configured and not used, and what is not offered. */
  #deviceNotes(): string[] {
    return [...(this.#configuration?.problems() ?? []), ...(this.#devices?.inventory.notes() ?? [])];
  }
}
