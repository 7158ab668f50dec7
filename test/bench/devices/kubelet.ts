import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Server, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { monotonicNow } from "../../../src/demo/clock.ts";
import { errorText } from "../../../src/model/errors.ts";
import { UnixSocketClient } from "../../../src/rpc/client.ts";
import {
  DevicePlugin,
  type Empty,
  type RegisterRequest,
  Registration,
} from "../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { prepareFolder } from "../../../src/standalone/kubelet/folder.ts";
import { within } from "../../kernel/world.ts";
import { serveBare } from "./bare-server.ts";

const SOCKET = "kubelet.sock";

/** A resource's devices as they were last told. */
export interface ToldList {
  /** When the message was there and decoded, in milliseconds of the monotonic clock. */
  readonly at: number;
  /** `Healthy` or `Unhealthy`, by the devices' ids. */
  readonly health: ReadonlyMap<string, string>;
}

/** A plugin that has registered. */
export interface RegisteredPlugin {
  readonly client: UnixSocketClient<typeof DevicePlugin>;
  /** When its Register was received, in milliseconds of the monotonic clock. */
  readonly registeredAt: number;
  /** Undefined until the first has come. */
  readonly list: ToldList | undefined;
}

/**
 * The kubelet's side of the device plugin protocol and nothing besides, so that little is measured that is not the
 * plugin's: it calls a plugin back, watches its list, and notes when what came. One object is one kubelet from its
 * start to its end.
 */
export class BareKubelet implements AsyncDisposable {
  readonly #folder: string;
  readonly #plugins = new Map<string, RegisteredPlugin>();
  readonly #listeners = new Set<() => void>();
  readonly #stopping = new AbortController();
  #server: Server | undefined;
  #listeningAt = 0;
  #failure: Error | undefined;

  /** @param folder the device plugin folder */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Empties the folder of sockets and puts its own there, as one that listens: bound beside the folder, so that nobody
   * who watches the folder hears of it before.
   */
  async start(): Promise<void> {
    await prepareFolder(this.#folder);
    const beside = mkdtempSync(join(dirname(this.#folder), "k-"));
    try {
      const path = join(beside, SOCKET);
      this.#server = await serveBare(path, Registration, {
        register: (call: ServerUnaryCall<RegisterRequest, Empty>, answer: sendUnaryData<object>) => {
          const at = monotonicNow();
          this.#register(call.request, at).then(
            () => answer(null, {}),
            (error) => answer(error),
          );
        },
      });
      renameSync(path, join(this.#folder, SOCKET));
      this.#listeningAt = monotonicNow();
    } finally {
      rmSync(beside, { recursive: true });
    }
  }

  /** When its socket was in its place, in milliseconds of the monotonic clock. */
  get listeningAt(): number {
    return this.#listeningAt;
  }

  /** The plugins that have registered, by their resources. */
  get plugins(): ReadonlyMap<string, RegisteredPlugin> {
    return this.#plugins;
  }

  /**
   * Settles with what `look` finds, which looks again after every registration and list. Fails when a plugin ended a
   * list's stream, or nothing is found for too long.
   */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = await within<{ readonly value: T } | Error>(what, (settle) => {
      const ask = () => {
        const value = look();
        if (this.#failure !== undefined) settle(this.#failure);
        else if (value !== undefined) settle({ value });
      };
      this.#listeners.add(ask);
      ask();
      return () => this.#listeners.delete(ask);
    });
    if (found instanceof Error) throw found;
    return found.value;
  }

  /** Lets go of every plugin and takes the socket away, as the end of a kubelet does. */
  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(join(this.#folder, SOCKET), { force: true });
    this.#stopping.abort();
    for (const { client } of this.#plugins.values()) client.close();
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.tryShutdown(() => resolve());
      server.forceShutdown();
    });
  }

  /** The kubelet asks for a plugin's options before it answers, and watches its list besides. */
  async #register({ resourceName, endpoint }: RegisterRequest, registeredAt: number): Promise<void> {
    const client = new UnixSocketClient(DevicePlugin, join(this.#folder, endpoint));
    this.#plugins.get(resourceName)?.client.close();
    this.#note(resourceName, { client, registeredAt, list: undefined });
    await client.call("getDevicePluginOptions", {}, { signal: this.#stopping.signal });
    void this.#watch(resourceName, client, registeredAt);
  }

  async #watch(resource: string, client: RegisteredPlugin["client"], registeredAt: number): Promise<void> {
    let why = "";
    try {
      for await (const { devices } of client.watch("listAndWatch", {}, { signal: this.#stopping.signal })) {
        const at = monotonicNow();
        const health = new Map(devices.map((device) => [device.ID, device.health]));
        this.#note(resource, { client, registeredAt, list: { at, health } });
      }
    } catch (error) {
      why = `: ${errorText(error)}`;
    }
    // Another may have registered in its place.
    if (this.#stopping.signal.aborted || this.#plugins.get(resource)?.client !== client) return;
    this.#failure = new Error(`the list of ${resource} ended${why}`);
    this.#tell();
  }

  #note(resource: string, plugin: RegisteredPlugin): void {
    this.#plugins.set(resource, plugin);
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
