import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Pool } from "../model/device.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { SerialTask } from "../model/serial-task.ts";
import { DevicePlugin } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { implement, serveOnUnixSocket, type UnixServer } from "../rpc/server.ts";
import type { Allocator } from "./allocator.ts";
import { socketName } from "./names.ts";
import { PluginService } from "./plugin-service.ts";
import type { RegistrationWay } from "./registration.ts";
import { findRivals, type Rival, socketAge } from "./rivals.ts";
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

export interface PluginEndpointOptions {
  readonly pool: Pool;
  readonly way: RegistrationWay;
  readonly allocator: Allocator;
  readonly timing: DoorTiming;
  readonly log: Logger;
}

/**
 * One resource at the kubelet: its socket, its server and its registration. It is woken whenever something may
 * have changed, looks at what is true, and does what is missing: listen, then register.
 *
 * Several processes may serve one resource for a while, as when one replaces another. The kubelet follows the one that
 * registered last, so only the one whose socket is the newest registers; the others stand aside, and go on serving,
 * until it ends. Each registers again when another one has ended: a kubelet before 1.36 keeps its books by resource and
 * takes the end of any of them for the end of all (PluginDisconnected in pkg/kubelet/cm/devicemanager/manager.go).
 */
export class PluginEndpoint {
  readonly resource: string;
  readonly #way: RegistrationWay;
  /** File name of the socket. */
  #socketFile: string;
  readonly #timing: DoorTiming;
  readonly #log: Logger;
  readonly #service: PluginService;
  readonly #task = new SerialTask(() => this.#look());
  readonly #stopping = new AbortController();
  #server: UnixServer | undefined;
  /** Identity of the kubelet that was registered with. */
  #registeredWith: string | undefined;
  /** Counts registrations, so that the end of an earlier one's stream is not taken for the end of this one's. */
  #registration = 0;
  /** Streams that were opened since the last registration and are open. */
  #openStreams = 0;
  #wasWatched = false;
  /** Paths of the other processes' sockets at the last look. */
  #rivals: ReadonlySet<string> = new Set();
  /** A kubelet that started beside rivals took the plugins in in any order, and may follow another one. */
  #mayBeOvertaken = false;
  #lastError: string | undefined;
  #failures = 0;
  /** Streams in a row that ended soon after they were opened. */
  #shortStreams = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #streamTimer: NodeJS.Timeout | undefined;
  #rivalTimer: NodeJS.Timeout | undefined;

  constructor({ pool, way, allocator, timing, log }: PluginEndpointOptions) {
    this.resource = pool.resource;
    this.#way = way;
    this.#socketFile = newSocketName(way.folder, pool.resource);
    this.#timing = timing;
    this.#log = log.child({ resource: pool.resource });
    this.#service = new PluginService(pool, allocator, timing.coalesceMs, () => this.#onStream());
  }

  status(): ResourceStatus {
    return {
      resource: this.resource,
      socket: this.#socketPath,
      isRegistered: this.#registeredWith !== undefined && this.#openStreams > 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  get #socketPath(): string {
    return join(this.#way.folder, this.#socketFile);
  }

  update(pool: Pool): void {
    this.#service.update(pool);
  }

  /** Looks again: at the own socket, the kubelet's, those of other processes, and whether both know each other. */
  wake(): void {
    if (!this.#stopping.signal.aborted) void this.#task.request();
  }

  /** Registers and listens no more; a list that is being watched stays so until `stop`. */
  quiesce(): void {
    this.#stopping.abort();
    for (const timer of [this.#retryTimer, this.#streamTimer, this.#rivalTimer]) clearTimeout(timer);
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
    try {
      const kubelet = await this.#way.findKubelet();
      if (kubelet === undefined) {
        this.#registeredWith = undefined;
        this.#lastError = this.#way.absence;
        return;
      }
      const rivals = await this.#meetRivals();
      // A kubelet that starts removes every socket in its folder, and what was registered before is forgotten.
      const isServed = (await this.#server?.place()) === "own";
      if (!isServed) this.#registeredWith = undefined;
      if (!isServed && !this.#way.isBySocket) await this.#serve();
      await this.#yieldToNewer(rivals);
      if (this.#registeredWith === kubelet) return;
      await this.#register(kubelet);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(errorText(error));
    }
  }

  /** Finds the other processes; when one of them has ended, the registration may have gone with it. */
  async #meetRivals(): Promise<readonly Rival[]> {
    const rivals = await findRivals(this.#way.folder, this.resource, this.#socketFile);
    const paths = new Set(rivals.map(({ path }) => path));
    const hasOneEnded = !this.#rivals.isSubsetOf(paths);
    // By a call it costs nothing; a new socket would be a gap for the kubelet, so only where it may be needed.
    if (hasOneEnded && (!this.#way.isBySocket || this.#mayBeOvertaken)) this.#registeredWith = undefined;
    if (paths.size === 0) this.#mayBeOvertaken = false;
    this.#rivals = paths;
    clearTimeout(this.#rivalTimer);
    if (paths.size > 0 && !this.#stopping.signal.aborted) {
      // A process that is killed leaves its socket behind, and no event tells of it.
      this.#rivalTimer = setTimeout(() => this.wake(), this.#timing.longestRetryMs);
    }
    return rivals;
  }

  /** @throws LanyardError `conflict` while a process that came later serves the resource */
  async #yieldToNewer(rivals: readonly Rival[]): Promise<void> {
    const own = await socketAge(this.#socketPath);
    const newer = rivals.find(({ age }) => own !== undefined && age > own);
    if (newer === undefined) return;
    this.#registeredWith = undefined;
    throw new LanyardError(
      "conflict",
      `another plugin serves ${this.resource} on ${newer.path}; this one stands aside until that ends`,
    );
  }

  /** Makes the socket, or makes it anew. */
  async #serve(): Promise<void> {
    const older = this.#server;
    // In this order: a kubelet before 1.36 takes the going of a socket for the end of whoever has the resource then.
    await older?.stop();
    // A kubelet that finds the old name again could take the end of the old socket's stream for that of the new one's.
    if (older !== undefined && this.#way.isBySocket)
      this.#socketFile = newSocketName(this.#way.folder, this.resource);
    this.#server = await serveOnUnixSocket({ path: this.#socketPath, stopWithinMs: this.#timing.stopMs }, [
      implement(DevicePlugin, this.#service.handlers),
      ...this.#way.services(this.resource, this.#socketPath, (isRegistered, error) => {
        if (!isRegistered) this.#onRefusal(error);
      }),
    ]);
    const isAnew = older !== undefined;
    this.#log.info(`serving ${this.resource} on ${this.#socketPath}${isAnew ? ", made anew" : ""}`);
  }

  async #register(kubelet: string): Promise<void> {
    clearTimeout(this.#retryTimer);
    this.#registration += 1;
    this.#openStreams = 0;
    this.#wasWatched = false;
    // Known before the kubelet is asked: its refusal may come before the call is over.
    this.#registeredWith = kubelet;
    try {
      if (this.#way.isBySocket) await this.#serve();
      const limits = { deadlineMs: this.#timing.registerMs, signal: this.#stopping.signal };
      await this.#way.register(this.resource, this.#socketFile, limits);
    } catch (error) {
      this.#registeredWith = undefined;
      throw error;
    }
    if (this.#registeredWith === undefined) return;
    if (!this.#way.isBySocket) this.#onRegistered();
    if (!this.#wasWatched) this.#expectStream();
  }

  #onRegistered(): void {
    this.#failures = 0;
    this.#lastError = undefined;
    this.#log.info(`registered ${this.resource} with the kubelet`);
  }

  /** The kubelet's plugin watcher does not take the plugin. */
  #onRefusal(error: string): void {
    this.#registeredWith = undefined;
    if (!this.#stopping.signal.aborted) this.#fail(`the kubelet refused the registration: ${error}`);
  }

  #fail(text: string): void {
    if (text !== this.#lastError)
      this.#log.warn(`${this.resource} is not registered with the kubelet: ${text}`);
    this.#lastError = text;
    clearTimeout(this.#streamTimer);
    this.#retryIn(this.#patience(this.#failures));
    this.#failures += 1;
  }

  #retryIn(milliseconds: number): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.wake(), milliseconds);
  }

  #patience(attempts: number): number {
    return Math.min(this.#timing.retryMs * 2 ** attempts, this.#timing.longestRetryMs);
  }

  /** Notes a stream and gives back what notes its end. */
  #onStream(): () => void {
    const registration = this.#registration;
    const openedAt = performance.now();
    clearTimeout(this.#streamTimer);
    this.#openStreams += 1;
    this.#wasWatched = true;
    if (this.#failures > 0 && this.#rivals.size > 0) this.#mayBeOvertaken = true;
    if (this.#way.isBySocket && this.#registeredWith !== undefined) this.#onRegistered();
    return () => {
      if (registration !== this.#registration) return;
      this.#openStreams -= 1;
      if (this.#openStreams > 0 || this.#stopping.signal.aborted) return;
      this.#onStreamEnd(performance.now() - openedAt);
    };
  }

  /**
   * A kubelet that does not watch counts no device. The first time the plugin registers again at once; with a kubelet
   * that keeps ending streams it has more and more patience.
   */
  #onStreamEnd(livedMs: number): void {
    if (this.#registeredWith === undefined) return;
    this.#registeredWith = undefined;
    if (this.#rivals.size > 0) this.#mayBeOvertaken = true;
    this.#lastError = "the kubelet stopped watching the device list";
    if (livedMs >= this.#timing.streamMs) this.#shortStreams = 0;
    if (this.#shortStreams === 0) this.wake();
    else this.#retryIn(this.#patience(this.#shortStreams - 1));
    this.#shortStreams += 1;
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
        this.#way.isBySocket
          ? `the kubelet did not watch the device list within ${streamMs} ms after a socket was made in ${this.#way.folder}`
          : `the kubelet took the registration but did not watch the device list within ${streamMs} ms (Kubernetes 1.26 or newer is needed)`,
      );
    }, streamMs);
  }
}

function newSocketName(folder: string, resource: string): string {
  return socketName(folder, resource, randomBytes(4).toString("hex"));
}
