import { join } from "node:path";
import type { Logger } from "pino";
import { LanyardError } from "../../model/errors.ts";
import { isExtendedResourceName } from "../../model/names.ts";
import type { RegisterRequest } from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger.ts";
import { PluginClient } from "./plugin-client.ts";

const supportedVersions = ["v1beta1"];

interface Place {
  /** Absent for a resource that only the checkpoint knows. */
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
  readonly log: Logger;
  /** Told after the books have changed. */
  readonly onChange: () => void;
}

/** The plugins that have registered, one for each resource: the newest. */
export class PluginTable {
  readonly #options: PluginTableOptions;
  readonly #places = new Map<string, Place>();
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
   * Takes a plugin in: dials it, asks for its options, puts it in the place of an older one, and begins to watch
   * its list. The list may come after this returns.
   * @throws LanyardError with the real kubelet's words
   */
  async register(request: RegisterRequest): Promise<void> {
    const { directory, log } = this.#options;
    checkRequest(request);
    const { resourceName: resource } = request;
    const client = new PluginClient(resource, join(directory, request.endpoint));
    try {
      await client.connect();
      if (this.#isStopped) throw new LanyardError("unavailable", "the kubelet is stopping");
    } catch (error) {
      client.close();
      throw error;
    }
    const older = this.#places.get(resource);
    older?.keep?.();
    older?.client?.close();
    this.#places.set(resource, { client });
    log.info({ resource, socket: client.socketPath }, `embedded kubelet: ${resource} has registered`);
    void this.#watch(client);
  }

  /** Lets every plugin go; their devices count as unhealthy. */
  stop(): void {
    this.#isStopped = true;
    for (const [resource, place] of this.#places) {
      place.keep?.();
      place.client?.close();
      this.#options.ledger.markUnhealthy(resource);
    }
  }

  async #watch(client: PluginClient): Promise<void> {
    const { ledger, log, onChange } = this.#options;
    const { resource } = client;
    const reason = await client.watch((devices) => {
      ledger.setDevices(resource, devices);
      const healthy = devices.filter((device) => device.isHealthy).length;
      log.debug(
        { resource, devices: devices.length, healthy },
        `embedded kubelet: ${resource} sent its devices`,
      );
      onChange();
    });
    const place = this.#places.get(resource);
    if (this.#isStopped || place?.client !== client) return;
    client.close();
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

function checkRequest({ version, resourceName }: RegisterRequest): void {
  if (!supportedVersions.includes(version)) {
    throw new LanyardError(
      "invalid",
      `requested API version ${JSON.stringify(version)} is not supported by kubelet. Supported version is ["${supportedVersions.join('" "')}"]`,
    );
  }
  if (!isExtendedResourceName(resourceName)) {
    throw new LanyardError("invalid", `the ResourceName ${JSON.stringify(resourceName)} is invalid`);
  }
}
