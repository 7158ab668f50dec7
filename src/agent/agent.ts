import { dirname, join } from "node:path";
import type { Logger } from "pino";
import { AttachmentEngine } from "../attachment/engine.ts";
import { GarbageCollector } from "../attachment/garbage/collector.ts";
import { Journal } from "../attachment/journal/journal.ts";
import { ContainerRuntime } from "../clients/container-runtime.ts";
import { KubeletAssignments } from "../clients/device-assignments.ts";
import { PodResourcesClient } from "../clients/pod-resources.ts";
import { ControlClient } from "../control/client.ts";
import { ControlDoor } from "../control/server.ts";
import { readBootId } from "../linux/boot-id.ts";
import { probeCapabilities, type TcCapabilities } from "../linux/capabilities.ts";
import { makeFolder } from "../linux/folder.ts";
import { Kernel } from "../linux/kernel.ts";
import { MetricsDoor } from "../metrics/door.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import type { AgentConfig, ListenAddress } from "../model/agent-config.ts";
import { LanyardError } from "../model/errors.ts";
import type { NodeNetworks } from "../model/ports.ts";
import { isListening } from "../rpc/socket-file.ts";
import { ManifestFolder } from "../standalone/manifests.ts";
import { CniParts, removeNetworkFile } from "./cni.ts";
import type { Configuration, ConfigurationPaths } from "./configuration.ts";
import { ConfigurationWatch } from "./configuration-watch.ts";
import { DeviceParts } from "./devices.ts";
import type { Folders } from "./folders.ts";
import { describeDevices, describeNode, describeStatus, type StartedParts } from "./reports.ts";
import { pluginRunner, resolverSources } from "./sources.ts";
import { StandaloneParts } from "./standalone.ts";
import { Stops } from "./stops.ts";

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
  /** Folder of manifests for what no cluster holds: policies, networks, classes. Pods in it are none of this agent's. */
  readonly manifests?: string;
  readonly folders: Folders;
  readonly log: Logger;
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
 * metrics are told, what nobody owns is looked for, the container runtime's calls are answered (`CniParts` has an order of its own), and last the pods
 * of manifests come; both need all of the others.
 *
 * Handing over. An agent that is started to take over asks the one that runs, at its control socket, to leave the node to
 * it. That one finishes what it does, lets go of the journal, the policies and every socket but those on which the kubelet
 * watches its devices, and then only waits for its end: the kubelet lets go of them itself when the new agent has
 * registered, and capacity does not fall meanwhile. The runtime's calls wait in the shim until the new one answers.
 *
 * Stopping is the same backwards. Doors close first, so that nothing new is asked; work under way is finished;
 * pods and their interfaces stay as they are, since a stopped agent is no reason for a pod to lose its network.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #startedAt = performance.now();
  readonly #stops: Stops;
  readonly #parts: StartedParts = {};
  #isReady = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#stops = new Stops(options.log);
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
    await this.#stops.end();
  }

  /** Leaves the node to another agent, and goes on only for what the kubelet watches. */
  async #handOver(): Promise<void> {
    const { log } = this.#options;
    const { standalone, devices } = this.#parts;
    if (standalone !== undefined) {
      const text = "an agent with --standalone cannot hand over: its kubelet ends with it; stop it first";
      throw new LanyardError("unsupported", text);
    }
    if (!this.#isReady) throw new LanyardError("unavailable", "the agent is starting or stopping; ask again");
    this.#isReady = false;
    log.info("another agent takes over; this one waits for its end");
    devices?.door.quiesce();
    await this.#stops.endAllButKept();
    await devices?.stopProvisioning();
  }

  async #startParts(): Promise<void> {
    const { folders, log } = this.#options;
    const parts = this.#parts;
    const stops = this.#stops;
    makeFolder(folders.run, 0o700);
    if (this.#options.takesOver) await this.#takeOver();
    await this.#startControl();

    makeFolder(folders.state, 0o700);
    const kernel = new Kernel();
    stops.add(() => kernel.stop(), { isKept: true });
    parts.capabilities = await this.#probe(kernel);
    const journal = new Journal(join(folders.state, "attachments.sqlite"), readBootId());
    stops.add(() => journal.close());

    if (this.#options.standalone !== undefined) {
      makeFolder(folders.kubelet, 0o750);
      parts.standalone = this.#makeStandalone(this.#options.standalone);
    }
    parts.manifests = parts.standalone?.manifests ?? this.#makeManifests();
    const registry = new MetricsRegistry();
    const kubelet = new PodResourcesClient(folders.podResourcesSocket);
    const sources = resolverSources({
      cni: this.#config.cni,
      folders,
      catalog: parts.manifests,
      assignments: parts.standalone?.kubelet ?? new KubeletAssignments(kubelet),
      devices: () => parts.devices,
    });
    const engine = new AttachmentEngine({
      kernel,
      journal,
      capabilities: parts.capabilities,
      sources,
      programs: pluginRunner(this.#config.cni),
      announcedLink: (name) => parts.devices?.node.announcedLink(name),
      log: log.child({ part: "attachment" }),
      onOperation: (report) => registry.observe(report),
    });
    parts.engine = engine;
    stops.add(() => engine.settle());
    await engine.recover();

    await this.#readManifests();
    const configuration = this.#startConfiguration();
    const devices = await this.#startDevices(kernel, kubelet, configuration, engine);
    await this.#startMetrics(kernel, registry, engine, devices);
    this.#startCollector(engine, kubelet);
    await this.#startCni(engine, sources.networks, registry);
    if (parts.standalone !== undefined) {
      const { standalone } = parts;
      stops.add(() => standalone.stopPods());
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

  async #startControl(): Promise<void> {
    const { folders, log } = this.#options;
    const control = new ControlDoor({
      socketPath: join(folders.run, "agent.sock"),
      source: {
        status: () =>
          describeStatus(this.#parts, { folders, isReady: this.#isReady, startedAt: this.#startedAt }),
        devices: () => describeDevices(this.#parts),
        nodeNetwork: () => describeNode(this.#parts),
        handOver: () => this.#handOver(),
      },
      log: log.child({ part: "control" }),
    });
    await control.start();
    // Its own handing over closes it.
    this.#stops.add(() => control.stop(), { isKept: true });
  }

  /** Asks the kernel what it can do, in a namespace made for that alone, and says once what it lacks. */
  async #probe(kernel: Kernel): Promise<TcCapabilities> {
    await using scratch = await kernel.makeNamespace();
    const capabilities = await probeCapabilities(scratch);
    for (const sentence of capabilities.missing) this.#options.log.info(sentence);
    return capabilities;
  }

  #makeStandalone(manifestDirectory: string): StandaloneParts {
    const { folders, log } = this.#options;
    return new StandaloneParts({
      manifestDirectory,
      folders,
      pluginsRegistry: this.#config.kubelet.pluginsRegistry,
      log: log.child({ part: "standalone" }),
    });
  }

  /** The folder that holds what a cluster would; undefined where nobody named one. */
  #makeManifests(): ManifestFolder | undefined {
    const { manifests: directory, log } = this.#options;
    return directory === undefined ? undefined : new ManifestFolder({ directory, log });
  }

  async #readManifests(): Promise<void> {
    const { manifests } = this.#parts;
    if (manifests === undefined) return;
    this.#stops.add(() => manifests.stop());
    await manifests.start();
  }

  #startConfiguration(): ConfigurationWatch {
    const { paths, configuration: initial, log } = this.#options;
    const configuration = new ConfigurationWatch({
      paths,
      initial,
      log: log.child({ part: "configuration" }),
    });
    this.#parts.configuration = configuration;
    this.#stops.add(() => configuration.stop());
    configuration.start();
    return configuration;
  }

  async #startDevices(
    kernel: Kernel,
    kubelet: PodResourcesClient,
    configuration: ConfigurationWatch,
    held: AttachmentEngine,
  ): Promise<DeviceParts> {
    const { folders, log } = this.#options;
    const { manifests: policies, standalone } = this.#parts;
    const devices = new DeviceParts({ kernel, kubelet, configuration, folders, held, policies, log });
    this.#parts.devices = devices;
    this.#stops.add(() => devices.stop(), { isKept: true });
    this.#stops.add(() => devices.door.stop(), { isKept: true });
    if (standalone !== undefined) {
      // It ends before the device plugin does, or it would take the plugin's end for a failure; and the plugin
      // shall not wait for it to come back.
      this.#stops.add(async () => {
        devices.door.quiesce();
        await standalone.stopKubelet();
      });
      await standalone.startKubelet();
    }
    await devices.start();
    await devices.door.start();
    return devices;
  }

  async #startMetrics(
    kernel: Kernel,
    registry: MetricsRegistry,
    attachments: AttachmentEngine,
    { inventory, book, node }: DeviceParts,
  ): Promise<void> {
    const address = this.#options.metricsAddress ?? this.#config.metrics.address;
    if (address.kind === "unix") makeFolder(dirname(address.path), 0o700);
    const metrics = new MetricsDoor({
      address,
      registry,
      kernel,
      attachments,
      pools: inventory,
      uses: book,
      resyncs: () => node.resyncs,
      whyNotReady: () => (this.#isReady ? undefined : "the agent is starting or stopping"),
      log: this.#options.log.child({ part: "metrics" }),
    });
    this.#stops.add(() => metrics.stop());
    await metrics.start();
  }

  /** Without the runtime's door no runtime has pods here, and only their namespaces count. */
  #startCollector(attachments: AttachmentEngine, kubelet: PodResourcesClient): void {
    const { enabled, runtimeSocket: socket, collectIntervalMs: intervalMs } = this.#config.cni;
    const runtime = () => new ContainerRuntime(socket === undefined ? {} : { socket });
    const collector = new GarbageCollector({
      attachments,
      ...(enabled && { sandboxes: runtime(), pods: kubelet }),
      intervalMs,
      log: this.#options.log.child({ part: "garbage collection" }),
    });
    this.#stops.add(() => collector.stop());
    collector.start();
  }

  async #startCni(
    attachments: AttachmentEngine,
    networks: NodeNetworks,
    registry: MetricsRegistry,
  ): Promise<void> {
    const { folders, log: agentLog } = this.#options;
    const config = this.#config.cni;
    const log = agentLog.child({ part: "cni" });
    if (!config.enabled) return await removeNetworkFile(config, folders, log);
    const cni = new CniParts({
      config,
      folders,
      attachments,
      pods: undefined,
      networks,
      onMultusRequest: (request) => registry.observeMultusRequest(request),
      log,
    });
    this.#parts.cni = cni;
    this.#stops.add(() => cni.stop());
    await cni.start();
  }

  get #config(): AgentConfig {
    return this.#options.configuration.agent;
  }
}
