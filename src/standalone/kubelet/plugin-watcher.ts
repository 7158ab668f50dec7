import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { makeFolder } from "../../linux/folder.ts";
import { FolderWatch } from "../../linux/folder-watch.ts";
import { errorText, LanyardError } from "../../model/errors.ts";
import { SerialTask } from "../../model/serial-task.ts";
import { UnixSocketClient } from "../../rpc/client.ts";
import { Registration } from "../../rpc/generated/pluginregistration/v1_pb.js";
import type { PluginTable } from "./plugin-table.ts";

/** GetInfo and NotifyRegistrationStatus, in milliseconds (operationexecutor/operation_generator.go). */
const infoMs = 1_000;
const notifyMs = 5_000;

const supportedVersion = "v1beta1";

export interface PluginWatcherOptions {
  /** The folder `plugins_registry`. */
  readonly directory: string;
  readonly plugins: PluginTable;
  readonly log: Logger;
}

interface SeenSocket {
  /** Tells a socket from one made anew under its name. */
  readonly identity: string;
  /** What it registered; undefined when it was not taken in. */
  readonly plugin?: { readonly resource: string; readonly endpoint: string };
}

/**
 * The other way of registering: plugins put sockets into a folder, and the kubelet asks each who it is
 * (pkg/kubelet/pluginmanager). A socket that goes takes its plugin with it. The real one looks once a second at what
 * its watcher has noted (reconciler/reconciler.go); this one looks at once.
 */
export class PluginWatcher {
  readonly #options: PluginWatcherOptions;
  readonly #watch: FolderWatch;
  readonly #task = new SerialTask(() => this.#look());
  #seen = new Map<string, SeenSocket>();
  #isStopped = false;

  constructor(options: PluginWatcherOptions) {
    this.#options = options;
    this.#watch = new FolderWatch(options.directory, options.log, () => void this.#task.request());
  }

  start(): void {
    makeFolder(this.#options.directory, 0o750);
    this.#watch.start();
    void this.#task.request();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    await this.#task.settle();
  }

  async #look(): Promise<void> {
    if (this.#isStopped) return;
    const found = await this.#findSockets();
    for (const [path, { identity, plugin }] of this.#seen) {
      if (found.get(path) === identity) continue;
      this.#seen.delete(path);
      if (plugin !== undefined) this.#options.plugins.deregister(plugin.resource, plugin.endpoint);
    }
    const added = [...found].filter(([path]) => !this.#seen.has(path));
    await Promise.all(
      added.map(async ([path, identity]) => {
        const plugin = await this.#takeIn(path);
        this.#seen.set(path, { identity, ...(plugin !== undefined && { plugin }) });
      }),
    );
  }

  /** Sockets in the folder with what identifies them; names that begin with a dot are not looked at. */
  async #findSockets(): Promise<Map<string, string>> {
    const { directory } = this.#options;
    const sockets = new Map<string, string>();
    for (const name of await readdir(directory).catch(() => [])) {
      if (name.startsWith(".")) continue;
      const path = join(directory, name);
      const found = await lstat(path, { bigint: true }).catch(() => undefined);
      if (found?.isSocket()) sockets.set(path, `${found.dev}:${found.ino}:${found.ctimeNs}`);
    }
    return sockets;
  }

  async #takeIn(path: string): Promise<SeenSocket["plugin"]> {
    const { log, plugins } = this.#options;
    const client = new UnixSocketClient(Registration, path);
    try {
      const info = await client.call("getInfo", {}, { deadlineMs: infoMs });
      const plugin = { resource: info.name, endpoint: info.endpoint || path };
      let refusal = "";
      try {
        if (info.type !== "DevicePlugin") {
          throw new LanyardError("unsupported", `no handler registered for plugin type: ${info.type}`);
        }
        if (!info.supportedVersions.includes(supportedVersion)) {
          throw new LanyardError(
            "invalid",
            `manager version, ${supportedVersion}, is not among plugin supported versions ${JSON.stringify(info.supportedVersions)}`,
          );
        }
        await plugins.connect(plugin.resource, plugin.endpoint);
      } catch (error) {
        refusal = `RegisterPlugin error -- plugin registration failed with err: ${errorText(error)}`;
        log.warn(`embedded kubelet: refused ${path}: ${errorText(error)}`);
      }
      await client.call(
        "notifyRegistrationStatus",
        { pluginRegistered: refusal === "", error: refusal },
        { deadlineMs: notifyMs },
      );
      return refusal === "" ? plugin : undefined;
    } catch (error) {
      log.warn(`embedded kubelet: cannot ask the plugin at ${path}: ${errorText(error)}`);
      return undefined;
    } finally {
      client.close();
    }
  }
}
