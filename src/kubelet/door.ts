import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { FolderWatch } from "../linux/folder-watch.ts";
import type { Device } from "../model/device.ts";
import { errorText } from "../model/errors.ts";
import type { PoolSource, Unsubscribe } from "../model/ports.ts";
import { Allocator } from "./allocator.ts";
import { CdiFiles } from "./cdi-files.ts";
import { type AllocationBook, DeviceInfoFiles } from "./device-info-files.ts";
import { kubeletSocketName } from "./names.ts";
import { PluginEndpoint, type ResourceStatus } from "./plugin-endpoint.ts";
import { KubeletSocket, PluginsRegistry, type RegistrationWay } from "./registration.ts";
import { removeLeftSockets } from "./rivals.ts";
import { type DoorTiming, defaultTiming } from "./timing.ts";

export interface DevicePluginDoorOptions {
  readonly pools: PoolSource;
  readonly log: Logger;
  /** The kubelet's device plugin folder; `/var/lib/kubelet/device-plugins` unless told otherwise. */
  readonly kubeletDir?: string;
  /** The kubelet's `plugins_registry`: its plugin watcher finds the sockets there, and `kubelet.sock` is not called. */
  readonly pluginsRegistry?: string;
  /** The container runtime's folder of CDI specs: containers then get their files by CDI. */
  readonly cdi?: { readonly directory: string };
  /** Where CNI plugins look for device-info files. */
  readonly deviceInfo?: { readonly directory: string };
  /** Who has which device; told at once of what is given away here. */
  readonly uses?: AllocationBook;
  /** Called before an Allocate is answered; a rejection refuses it, with its message. */
  readonly prepare?: (devices: readonly Device[]) => Promise<void>;
  readonly timing?: Partial<DoorTiming>;
}

/**
 * The device plugin: offers each pool to the kubelet as one resource, on a socket of its own, for as long as the
 * pool exists. It waits for a kubelet that is not there yet, and registers again with one that restarted.
 */
export class DevicePluginDoor {
  readonly #pools: PoolSource;
  readonly #log: Logger;
  readonly #way: RegistrationWay;
  readonly #timing: DoorTiming;
  readonly #watch: FolderWatch;
  readonly #allocator: Allocator;
  readonly #cdi: CdiFiles | undefined;
  readonly #deviceInfo: DeviceInfoFiles | undefined;
  readonly #endpoints = new Map<string, PluginEndpoint>();
  /** Endpoints of pools that are gone, until they have stopped. */
  readonly #leaving = new Map<string, Promise<void>>();
  #unsubscribe: Unsubscribe | undefined;
  #isStopped = false;
  #isWaiting = false;

  constructor(options: DevicePluginDoorOptions) {
    const { pools, log, pluginsRegistry, cdi, deviceInfo, uses, prepare } = options;
    this.#pools = pools;
    this.#log = log;
    this.#way =
      pluginsRegistry === undefined
        ? new KubeletSocket(options.kubeletDir ?? "/var/lib/kubelet/device-plugins")
        : new PluginsRegistry(pluginsRegistry);
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#watch = new FolderWatch(this.#way.folder, this.#log, () => this.#wakeAll());
    this.#cdi = cdi && new CdiFiles(cdi.directory, log);
    this.#deviceInfo =
      deviceInfo &&
      new DeviceInfoFiles({
        directory: deviceInfo.directory,
        uses,
        resources: () => pools.pools().map(({ resource }) => resource),
        log,
      });
    this.#allocator = new Allocator({ cdi: this.#cdi, deviceInfo: this.#deviceInfo, uses, prepare });
  }

  /** Begins to offer; returns at once, whether a kubelet is there or not. `status` tells how far it is. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#pools.onChange(() => this.#applyPools());
    this.#watch.start();
    this.#deviceInfo?.start();
    // Allocations wait for it, and nothing else has to.
    void this.#cdi?.start(this.#pools.pools());
    this.#applyPools();
    this.#noteKubelet();
    void removeLeftSockets(this.#way.folder).catch((error: unknown) =>
      this.#log.debug(`what others left in ${this.#way.folder} could not be looked at: ${errorText(error)}`),
    );
  }

  /**
   * Takes no more notice of the folder, the kubelet and the pools, so that nothing is made again and the kubelet's
   * end is no news; what is served goes on being served. For a kubelet that is about to be stopped before `stop`.
   */
  quiesce(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#watch.stop();
    for (const endpoint of this.#endpoints.values()) endpoint.quiesce();
  }

  /**
   * Stops watching first, then every server at once. The kubelet sees the streams end and counts the devices as
   * unhealthy until a plugin registers again. CDI specs go last, when nothing is given away any more; device-info
   * files stay, since the pods do.
   */
  async stop(): Promise<void> {
    this.quiesce();
    await Promise.all([
      ...[...this.#endpoints.values()].map((each) => each.stop()),
      ...this.#leaving.values(),
    ]);
    this.#endpoints.clear();
    await this.#deviceInfo?.stop();
    await this.#cdi?.stop();
  }

  /** How each resource stands, in the order of their names. */
  status(): ResourceStatus[] {
    return [...this.#endpoints.values()]
      .map((each) => each.status())
      .sort((a, b) => (a.resource < b.resource ? -1 : 1));
  }

  #applyPools(): void {
    if (this.#isStopped) return;
    const pools = new Map(this.#pools.pools().map((pool) => [pool.resource, pool]));
    void this.#cdi?.apply([...pools.values()]);
    for (const endpoint of this.#endpoints.values()) {
      if (!pools.has(endpoint.resource)) this.#retire(endpoint);
    }
    for (const pool of pools.values()) {
      const known = this.#endpoints.get(pool.resource);
      if (known !== undefined) {
        known.update(pool);
      } else if (!this.#leaving.has(pool.resource)) {
        const endpoint = new PluginEndpoint({
          pool,
          way: this.#way,
          allocator: this.#allocator,
          timing: this.#timing,
          log: this.#log,
        });
        this.#endpoints.set(pool.resource, endpoint);
        endpoint.wake();
      }
    }
  }

  /** A pool that comes back while its old server is still stopping is taken up when that is done. */
  #retire(endpoint: PluginEndpoint): void {
    const { resource } = endpoint;
    this.#log.info(`${resource} is no longer offered: its pool is gone`);
    this.#endpoints.delete(resource);
    const done = endpoint.stop().then(() => {
      this.#leaving.delete(resource);
      this.#applyPools();
    });
    this.#leaving.set(resource, done);
  }

  #wakeAll(): void {
    this.#noteKubelet();
    for (const endpoint of this.#endpoints.values()) endpoint.wake();
  }

  /** Says once that there is no kubelet, and once that it has come. */
  #noteKubelet(): void {
    const { folder, isBySocket } = this.#way;
    const place = isBySocket ? folder : join(folder, kubeletSocketName);
    const isMissing = !existsSync(place);
    if (isMissing && !this.#isWaiting) {
      const why = existsSync(folder) ? `${place} does not exist` : `${folder} does not exist`;
      this.#log.warn(`waiting for the kubelet: ${why} yet; devices are offered as soon as it serves there`);
    } else if (!isMissing && this.#isWaiting) {
      this.#log.info(`the kubelet serves on ${place}`);
    }
    this.#isWaiting = isMissing;
  }
}
