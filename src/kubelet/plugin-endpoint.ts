import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Pool } from "../model/device.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { SerialTask } from "../model/serial-task.ts";
import { UnixSocketClient } from "../rpc/client.ts";
import { DevicePlugin, Registration } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { implement, serveOnUnixSocket, type UnixServer } from "../rpc/server.ts";
import { isListening } from "../rpc/socket-file.ts";
import { apiVersion, kubeletSocketName, socketName } from "./names.ts";
import { PluginService, pluginOptions } from "./plugin-service.ts";
import type { DoorTiming } from "./timing.ts";

/** How one resource stands with the kubelet. */
export interface ResourceStatus {
  readonly resource: string;
  /** Path of the plugin's socket. */
  readonly socket: string;
  /** The kubelet took the registration and holds the device list's stream open. */
  readonly isRegistered: boolean;
  /** What stands in the way, in one sentence. */
  readonly lastError?: string;
}

/**
 * One resource at the kubelet: its socket, its server and its registration. It is woken whenever something may
 * have changed, looks at what is true, and does what is missing: listen, then register.
 */
export class PluginEndpoint {
  readonly resource: string;
  readonly #folder: string;
  readonly #socketPath: string;
  readonly #timing: DoorTiming;
  readonly #log: Logger;
  readonly #service: PluginService;
  readonly #task = new SerialTask(() => this.#look());
  readonly #stopping = new AbortController();
  #server: UnixServer | undefined;
  /** Identity of the kubelet's socket that was registered with. */
  #registeredWith: string | undefined;
  #lastError: string | undefined;
  #wasWatched = false;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #streamTimer: NodeJS.Timeout | undefined;

  constructor(folder: string, pool: Pool, timing: DoorTiming, log: Logger) {
    this.resource = pool.resource;
    this.#folder = folder;
    this.#socketPath = join(folder, socketName(pool.resource));
    this.#timing = timing;
    this.#log = log.child({ resource: pool.resource });
    this.#service = new PluginService(pool, timing.coalesceMs, (open) => this.#onStreamCount(open));
  }

  status(): ResourceStatus {
    return {
      resource: this.resource,
      socket: this.#socketPath,
      isRegistered: this.#registeredWith !== undefined && this.#service.openStreams > 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  update(pool: Pool): void {
    this.#service.update(pool);
  }

  /** Looks again: at the own socket, the kubelet's socket, and whether both know each other. */
  wake(): void {
    if (!this.#stopping.signal.aborted) void this.#task.request();
  }

  /** Registers and listens no more; a list that is being watched stays so until `stop`. */
  quiesce(): void {
    this.#stopping.abort();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#streamTimer);
  }

  /** Ends the streams and removes the socket; the kubelet then counts the devices as unhealthy. */
  async stop(): Promise<void> {
    this.quiesce();
    await this.#task.settle();
    try {
      await this.#server?.stop();
    } catch (error) {
      this.#log.error(`cannot take ${this.#socketPath} away: ${errorText(error)}`);
    }
  }

  async #look(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const kubeletSocket = join(this.#folder, kubeletSocketName);
    try {
      const kubelet = await identifySocket(kubeletSocket);
      if (kubelet === undefined) {
        this.#registeredWith = undefined;
        this.#lastError = `the kubelet is not there: ${kubeletSocket} does not exist`;
        return;
      }
      await this.#listen();
      if (this.#registeredWith === kubelet) return;
      await this.#register(kubeletSocket);
      this.#registeredWith = kubelet;
      this.#wasWatched = this.#service.openStreams > 0;
      this.#failures = 0;
      this.#lastError = undefined;
      this.#log.info(`registered ${this.resource} with the kubelet`);
      if (this.#service.openStreams === 0) this.#expectStream();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(errorText(error));
    }
  }

  async #listen(): Promise<void> {
    const place = await this.#server?.place();
    if (place === "own") return;
    if (place === "other" && (await isListening(this.#socketPath))) {
      // Two agents that took the socket from each other would never end; the one that came later has it.
      throw new LanyardError(
        "conflict",
        `another plugin serves ${this.resource} on ${this.#socketPath}; this one stands aside until that ends`,
      );
    }
    const isAnew = this.#server !== undefined;
    // A kubelet that starts removes every socket in its folder, and what was registered before is forgotten.
    this.#registeredWith = undefined;
    await this.#server?.stop();
    this.#server = undefined;
    this.#server = await serveOnUnixSocket({ path: this.#socketPath, stopWithinMs: this.#timing.stopMs }, [
      implement(DevicePlugin, this.#service.handlers),
    ]);
    this.#log.info(`serving ${this.resource} on ${this.#socketPath}${isAnew ? ", made anew" : ""}`);
  }

  async #register(kubeletSocket: string): Promise<void> {
    const client = new UnixSocketClient(Registration, kubeletSocket);
    try {
      await client.call(
        "register",
        {
          version: apiVersion,
          endpoint: socketName(this.resource),
          resourceName: this.resource,
          options: pluginOptions,
        },
        { deadlineMs: this.#timing.registerMs, signal: this.#stopping.signal },
      );
    } finally {
      client.close();
    }
  }

  #fail(text: string): void {
    if (text !== this.#lastError)
      this.#log.warn(`${this.resource} is not registered with the kubelet: ${text}`);
    this.#lastError = text;
    const wait = Math.min(this.#timing.retryMs * 2 ** this.#failures, this.#timing.longestRetryMs);
    this.#failures += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.wake(), wait);
  }

  #onStreamCount(open: number): void {
    clearTimeout(this.#streamTimer);
    this.#wasWatched ||= open > 0;
    if (open === 0 && this.#registeredWith !== undefined) this.#expectStream();
  }

  /** A kubelet that took a registration and does not watch counts no device: then the plugin registers again. */
  #expectStream(): void {
    // The end may have come while the kubelet was answering.
    if (this.#stopping.signal.aborted) return;
    const { streamMs } = this.#timing;
    clearTimeout(this.#streamTimer);
    this.#streamTimer = setTimeout(() => {
      this.#registeredWith = undefined;
      this.#fail(
        this.#wasWatched
          ? `the kubelet stopped watching the device list and did not come back within ${streamMs} ms`
          : `the kubelet took the registration but did not watch the device list within ${streamMs} ms (Kubernetes 1.26 or newer is needed)`,
      );
    }, streamMs);
  }
}

/**
 * What tells one kubelet's socket from the next one's: a restarted kubelet makes a new file, whose inode number
 * may be the old one's, but not with the same times.
 */
async function identifySocket(path: string): Promise<string | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    return `${found.dev}:${found.ino}:${found.birthtimeNs}:${found.ctimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
