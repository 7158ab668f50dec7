import { dirname, join } from "node:path";
import type { Logger } from "pino";
import { makeFolder } from "../../linux/folder.ts";
import { type Clock, systemClock } from "../../model/clock.ts";
import { errorText } from "../../model/errors.ts";
import type { AssignedDevice, PodIdentity } from "../../model/pod.ts";
import type { DeviceAssignments, Unsubscribe } from "../../model/ports.ts";
import { Registration } from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import { PodResourcesLister } from "../../rpc/generated/podresources/v1_pb.js";
import { implement, serveOnUnixSocket, type UnixServer } from "../../rpc/server.ts";
import { type ContainerRequest, giveDevices } from "./admission.ts";
import { checkpointName, formatCheckpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type ContainerAllocation, combineResponses } from "./container-allocation.ts";
import { checkUnserved, prepareFolder } from "./folder.ts";
import { assignedDevices, type DeviceEntry, Ledger, type ResourceCount } from "./ledger.ts";
import { type KeysBy, PluginTable } from "./plugin-table.ts";
import { PluginWatcher } from "./plugin-watcher.ts";
import { podResourcesHandlers } from "./pod-resources.ts";

export interface EmbeddedKubeletOptions {
  /** The device plugin folder it serves. */
  readonly directory: string;
  readonly log: Logger;
  /** How long a resource without a plugin is remembered, in milliseconds; the real kubelet's five minutes. */
  readonly endpointGraceMs?: number;
  readonly clock?: Clock;
  /** How it keeps its books of plugins; `resourceAndSocket`, as the newest kubelets do, unless told otherwise. */
  readonly keysBy?: KeysBy;
  /** The folder it watches for plugins' sockets; it looks for none unless told. */
  readonly pluginsRegistry?: string;
  /** Where it serves the pod-resources API, `/var/lib/kubelet/pod-resources/kubelet.sock`; nowhere unless told. */
  readonly podResourcesSocket?: string;
}

/**
 * A stand-in for the kubelet, for a machine without a cluster: it plays the kubelet's side of the device plugin
 * protocol, over real sockets, as pkg/kubelet/cm/devicemanager of Kubernetes 1.36 does, so that the same plugin
 * meets the same treatment here and there. It runs no container, knows no NUMA policy and no init containers.
 *
 * One object lives from `start` to `stop` once; a restart is a new object on the same directory.
 */
export class EmbeddedKubelet implements DeviceAssignments {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #ledger = new Ledger();
  readonly #plugins: PluginTable;
  readonly #listeners = new Set<() => void>();
  readonly #watcher: PluginWatcher | undefined;
  readonly #podResourcesSocket: string | undefined;
  #server: UnixServer | undefined;
  #podResources: UnixServer | undefined;
  /** Admissions and releases, one after another. */
  #queue: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: EmbeddedKubeletOptions) {
    const { directory, log, pluginsRegistry } = options;
    this.#directory = directory;
    this.#log = log;
    this.#podResourcesSocket = options.podResourcesSocket;
    this.#plugins = new PluginTable({
      directory,
      ledger: this.#ledger,
      clock: options.clock ?? systemClock,
      graceMs: options.endpointGraceMs ?? 300_000,
      keysBy: options.keysBy ?? "resourceAndSocket",
      log,
      onChange: () => {
        this.#save().catch((error) => this.#log.error(`embedded kubelet: ${errorText(error)}`));
        this.#tell();
      },
    });
    this.#watcher =
      pluginsRegistry === undefined
        ? undefined
        : new PluginWatcher({ directory: pluginsRegistry, plugins: this.#plugins, log });
  }

  /**
   * Remembers what the checkpoint says, empties the folder of sockets, then listens: a plugin that sees the new
   * kubelet.sock can be sure that its own socket will not be removed any more.
   * @throws LanyardError when the socket cannot be served; `conflict`, with nothing touched, when another kubelet
   * answers there
   */
  async start(): Promise<void> {
    const socket = join(this.#directory, "kubelet.sock");
    await checkUnserved(socket);
    await this.#restore();
    try {
      await prepareFolder(this.#directory);
      this.#server = await this.#serve(socket);
      await this.#servePodResources();
    } catch (error) {
      this.#plugins.stop();
      await this.#server?.stop();
      throw error;
    }
    this.#watcher?.start();
    this.#log.info(`embedded kubelet, a stand-in for the real one, serves device plugins on ${socket}`);
  }

  /** Lets the plugins go, as a kubelet that stops does, and removes its socket. The checkpoint stays. */
  async stop(): Promise<void> {
    await this.#watcher?.stop();
    this.#plugins.stop();
    await Promise.all([this.#server?.stop(), this.#podResources?.stop()]);
    await this.#queue;
    await this.#saving.catch(() => {});
    this.#tell();
  }

  /** Every resource known, in the order of their names. */
  resources(): readonly ResourceCount[] {
    return this.#ledger.counts();
  }

  /** Calls back after a count or an assignment has changed. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Gives a pod its devices: for each container and resource GetPreferredAllocation where the plugin offers it,
   * then Allocate. All or nothing: when one cannot be had, what this call took is free again. A pod that was
   * admitted before gets what it has.
   * @throws AdmissionError in the real kubelet's words
   */
  admit(pod: PodIdentity, containers: readonly ContainerRequest[]): Promise<readonly ContainerAllocation[]> {
    return this.#inTurn(async () => {
      this.#ledger.introduce(pod);
      const added = await this.#give(pod, containers);
      if (added.length > 0) {
        try {
          await this.#save();
        } catch (error) {
          this.#ledger.remove((entry) => added.includes(entry));
          throw error;
        }
        this.#tell();
      }
      const entries = this.#ledger.entriesOf(pod.uid);
      return containers.map(({ name }) =>
        combineResponses(
          name,
          entries.filter((entry) => entry.container === name),
        ),
      );
    });
  }

  /** A pod that is not admitted, and has nothing from before, is none of the node's. */
  async #give(pod: PodIdentity, containers: readonly ContainerRequest[]): Promise<readonly DeviceEntry[]> {
    try {
      return await giveDevices(this.#ledger, this.#plugins, pod, containers);
    } catch (error) {
      if (this.#ledger.entriesOf(pod.uid).length === 0) this.#ledger.dismiss(pod.uid);
      throw error;
    }
  }

  /** What comes before a container's start: PreStartContainer at every plugin that asked for it. */
  async startContainer(pod: PodIdentity, container: string): Promise<void> {
    for (const entry of this.#ledger.entriesOf(pod.uid)) {
      if (entry.container !== container) continue;
      await this.#plugins.get(entry.resource)?.preStart(entry.ids);
    }
  }

  /** Frees a pod's devices. The protocol has no word for it: the plugin is not told. */
  release(pod: Pick<PodIdentity, "uid">): Promise<void> {
    return this.#inTurn(async () => {
      this.#ledger.dismiss(pod.uid);
      if (!this.#ledger.remove((entry) => entry.podUid === pod.uid)) return;
      this.#tell();
      await this.#save();
    });
  }

  async assignedTo(pod: PodIdentity): Promise<readonly AssignedDevice[]> {
    return assignedDevices(this.#ledger.entriesOf(pod.uid));
  }

  /** UIDs of the pods that hold devices, those a checkpoint brought among them. */
  podUids(): readonly string[] {
    return [...new Set(this.#ledger.entries().map((entry) => entry.podUid))];
  }

  #serve(socket: string): Promise<UnixServer> {
    return serveOnUnixSocket({ path: socket }, [
      implement(Registration, {
        register: async (request) => {
          try {
            await this.#plugins.register(request);
            return {};
          } catch (error) {
            this.#log.warn(`embedded kubelet: refused ${request.resourceName}: ${errorText(error)}`);
            // The real kubelet answers with a bare error, which gRPC sends as UNKNOWN.
            throw new Error(errorText(error), { cause: error });
          }
        },
      }),
    ]);
  }

  async #servePodResources(): Promise<void> {
    const path = this.#podResourcesSocket;
    if (path === undefined) return;
    makeFolder(dirname(path), 0o750);
    this.#podResources = await serveOnUnixSocket({ path }, [
      implement(PodResourcesLister, podResourcesHandlers(this.#ledger)),
    ]);
  }

  async #restore(): Promise<void> {
    try {
      const checkpoint = await readCheckpoint(this.#checkpointPath);
      for (const entry of checkpoint?.entries ?? []) this.#ledger.add(entry);
      for (const resource of checkpoint?.resources ?? []) this.#plugins.expect(resource);
    } catch (error) {
      this.#log.error(`embedded kubelet: goes on without what was allocated before: ${errorText(error)}`);
    }
  }

  get #checkpointPath(): string {
    return join(this.#directory, checkpointName);
  }

  #save(): Promise<void> {
    const saved = this.#saving
      .catch(() => {})
      .then(() => writeCheckpoint(this.#checkpointPath, formatCheckpoint(this.#ledger)));
    this.#saving = saved;
    return saved;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
