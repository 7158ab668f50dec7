import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, UnixSocketClient } from "../rpc/client.ts";
import { Registration } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { Registration as PluginRegistration } from "../rpc/generated/pluginregistration/v1_pb.js";
import { implement, type ServedService } from "../rpc/server.ts";
import { identifySocket } from "../rpc/socket-file.ts";
import { apiVersion, kubeletSocketName } from "./names.ts";
import { pluginOptions } from "./plugin-service.ts";

/** Told by the kubelet whether it took a plugin in, and why not. */
export type OnStatus = (isRegistered: boolean, error: string) => void;

/** How a plugin makes itself known to the kubelet. */
export interface RegistrationWay {
  /** Where the plugin's socket lies. */
  readonly folder: string;
  /** The kubelet looks for sockets and asks them: to register again is to make the socket anew. */
  readonly isBySocket: boolean;
  /** What tells one kubelet from the next; undefined while none can be registered with. */
  findKubelet(): Promise<string | undefined>;
  /** Why none can be, in one sentence. */
  readonly absence: string;
  /** What is served on the plugin's socket beside the devices. */
  services(resource: string, socketPath: string, onStatus: OnStatus): readonly ServedService[];
  /** Asks to be taken in. @throws LanyardError when the kubelet refuses or does not answer */
  register(resource: string, socketFile: string, options: CallOptions): Promise<void>;
}

/** The plugin calls the kubelet on `kubelet.sock` in the device plugin folder. */
export class KubeletSocket implements RegistrationWay {
  readonly folder: string;
  readonly isBySocket = false;
  readonly #socket: string;

  constructor(folder: string) {
    this.folder = folder;
    this.#socket = join(folder, kubeletSocketName);
  }

  findKubelet(): Promise<string | undefined> {
    return identifySocket(this.#socket);
  }

  get absence(): string {
    return `the kubelet is not there: ${this.#socket} does not exist`;
  }

  services(): readonly ServedService[] {
    return [];
  }

  async register(resource: string, socketFile: string, options: CallOptions): Promise<void> {
    const client = new UnixSocketClient(Registration, this.#socket);
    try {
      await client.call(
        "register",
        { version: apiVersion, endpoint: socketFile, resourceName: resource, options: pluginOptions },
        options,
      );
    } finally {
      client.close();
    }
  }
}

/** The kubelet's plugin watcher finds the plugin's socket in the folder `plugins_registry`. */
export class PluginsRegistry implements RegistrationWay {
  readonly folder: string;
  readonly isBySocket = true;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Whether a kubelet runs cannot be seen; one that starts later finds the sockets that are there. */
  async findKubelet(): Promise<string | undefined> {
    const found = await lstat(this.folder, { bigint: true }).catch(() => undefined);
    return found?.isDirectory() ? `${found.dev}:${found.ino}` : undefined;
  }

  get absence(): string {
    return `the kubelet's folder ${this.folder} does not exist`;
  }

  services(resource: string, socketPath: string, onStatus: OnStatus): readonly ServedService[] {
    return [
      implement(PluginRegistration, {
        getInfo: async () => ({
          type: "DevicePlugin",
          name: resource,
          endpoint: socketPath,
          supportedVersions: [apiVersion],
        }),
        notifyRegistrationStatus: async ({ pluginRegistered, error }) => {
          onStatus(pluginRegistered, error);
          return {};
        },
      }),
    ];
  }

  /** The socket's coming is the request. */
  async register(): Promise<void> {}
}
