import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../../model/clock.ts";
import { LanyardError } from "../../model/errors.ts";
import { isExtendedResourceName } from "../../model/names.ts";
import type { RegisterRequest } from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import type { Ledger } from "./ledger.ts";
import { PluginClient } from "./plugin-client.ts";

const supportedVersions = ["v1beta1"];

/**
 * How a kubelet keeps its books of plugins that have registered.
 *
 * `resource`: Kubernetes 1.25 to 1.35. There is one place for each resource. The stream of an older plugin goes on, its
 * lists count like those of the newer one, and its end ends the newer one (runClient and getClient in
 * pkg/kubelet/cm/devicemanager/plugin/v1beta1/handler.go; kubernetes issue 121994).
 *
 * `resourceAndSocket`: Kubernetes 1.36 (pull request 135437). The end of an older plugin is its own.
 */
export type KeysBy = "resource" | "resourceAndSocket";

interface Place {
  /** The plugin that registered last; absent for a resource that only the checkpoint knows. */
  readonly client?: PluginClient;
  /** Takes back the forgetting of a plugin that is gone. */
  keep?: () => void;
}

export interface PluginTableOptions {
  readonly directory: string;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** How long a resource without a plugin is remembered, in milliseconds. */
  readonly graceMs: number;
  readonly keysBy: KeysBy;
  readonly log: Logger;
  /** Told after the books have changed. */
  readonly onChange: () => void;
}

/** The plugins that have registered, and for each resource the newest, which is asked for devices. */
export class PluginTable {
  readonly #options: PluginTableOptions;
  readonly #places = new Map<string, Place>();
  /** Every plugin whose stream is open, older ones among them. */
  readonly #clients = new Set<PluginClient>();
  #isStopped = false;

  constructor(options: PluginTableOptions) {
    this.#options = options;
  }

  get(resource: string): PluginClient | undefined {
    return this.#places.get(resource)?.client;
  }

  /** A resource of the checkpoint: known, with nothing to give until its plugin registers, and forgotten if none does. */
  expect(resource: string): void {
    this.#options.ledger.expect(resource);
    const place: Place = {};
    this.#places.set(resource, place);
    this.#startGrace(resource, place);
  }

  /**
   * What Register on kubelet.sock does.
   * @throws LanyardError with the real kubelet's words
   */
  async register(request: RegisterRequest): Promise<void> {
    checkRequest(request);
    await this.connect(request.resourceName, join(this.#options.directory, request.endpoint));
  }

  /**
   * Takes a plugin in: dials it, asks for its options, puts it in the place of an older one, and begins to watch
   * its list. The list may come after this returns.
   * @throws LanyardError with the real kubelet's words
   */
  async connect(resource: string, socketPath: string): Promise<void> {
    checkResource(resource);
    const client = new PluginClient(resource, socketPath);
    try {
      await client.connect();
      if (this.#isStopped) throw new LanyardError("unavailable", "the kubelet is stopping");
    } catch (error) {
      client.close();
      throw error;
    }
    this.#places.get(resource)?.keep?.();
    this.#places.set(resource, { client });
    this.#clients.add(client);
    this.#options.log.info({ resource, socket: socketPath }, `embedded kubelet: ${resource} has registered`);
    void this.#watch(client);
  }

  /** What the going of a plugin's socket does (DeRegisterPlugin in plugin/v1beta1/handler.go). */
  deregister(resource: string, socketPath: string): void {
    const clients = [...this.#clients].filter((client) => client.resource === resource);
    const client =
      this.#options.keysBy === "resource"
        ? this.get(resource)
        : clients.find((each) => each.socketPath === socketPath);
    if (client !== undefined) this.#disconnect(client, "its socket is gone");
  }

  /** Lets every plugin go; their devices count as unhealthy. */
  stop(): void {
    this.#isStopped = true;
    for (const client of this.#clients) client.close();
    for (const [resource, place] of this.#places) {
      place.keep?.();
      this.#options.ledger.markUnhealthy(resource);
    }
  }

  async #watch(client: PluginClient): Promise<void> {
    const { keysBy, ledger, log, onChange } = this.#options;
    const { resource } = client;
    const reason = await client.watch((devices) => {
      if (keysBy === "resourceAndSocket" && this.get(resource) !== client) return;
      ledger.setDevices(resource, devices);
      const healthy = devices.filter((device) => device.isHealthy).length;
      log.debug(
        { resource, devices: devices.length, healthy },
        `embedded kubelet: ${resource} sent its devices`,
      );
      onChange();
    });
    this.#clients.delete(client);
    // One that was closed here has been disconnected, or was never to be seen again.
    if (this.#isStopped || client.isStopped) return;
    const ended = keysBy === "resource" ? this.get(resource) : client;
    client.close();
    if (ended !== undefined) this.#disconnect(ended, reason);
  }

  /** Ends a plugin; the resource has then nothing to give, unless another has its place. */
  #disconnect(client: PluginClient, reason: string): void {
    const { ledger, log, onChange } = this.#options;
    const { resource, socketPath } = client;
    client.close();
    for (const other of this.#clients) {
      if (other.resource === resource && other.socketPath === socketPath) other.close();
    }
    const place = this.#places.get(resource);
    if (place?.client?.socketPath !== socketPath || place.keep !== undefined) return;
    ledger.markUnhealthy(resource);
    log.warn({ resource }, `embedded kubelet: all devices of ${resource} count as unhealthy: ${reason}`);
    this.#startGrace(resource, place);
    onChange();
  }

  #startGrace(resource: string, place: Place): void {
    const { clock, graceMs, ledger, log, onChange } = this.#options;
    place.keep = clock.after(graceMs, () => {
      this.#places.delete(resource);
      ledger.forget(resource);
      log.warn(
        { resource },
        `embedded kubelet: ${resource} is forgotten, no plugin came back in ${graceMs} ms`,
      );
      onChange();
    });
  }
}

function checkRequest({ version }: RegisterRequest): void {
  if (!supportedVersions.includes(version)) {
    throw new LanyardError(
      "invalid",
      `requested API version ${JSON.stringify(version)} is not supported by kubelet. Supported version is ["${supportedVersions.join('" "')}"]`,
    );
  }
}

function checkResource(resource: string): void {
  if (!isExtendedResourceName(resource)) {
    throw new LanyardError("invalid", `the ResourceName ${JSON.stringify(resource)} is invalid`);
  }
}
