import { join } from "node:path";
import { UnixSocketClient } from "../../../../src/rpc/client.ts";
import {
  type AllocateRequest,
  DevicePlugin,
  type PreferredAllocationRequest,
  Registration,
} from "../../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { implement, serveOnUnixSocket, type UnixServer } from "../../../../src/rpc/server.ts";

/** How a scripted plugin behaves; what is left out is the plainest thing possible. */
export interface Script {
  readonly offersPreference?: boolean;
  readonly wantsPreStart?: boolean;
  prefer?(request: PreferredAllocationRequest): string[];
  allocate?(request: AllocateRequest): Record<string, string>;
  preStart?(ids: readonly string[]): void;
}

/** A device plugin whose every move a test decides, and which notes every call it gets. */
export class FakePlugin {
  readonly calls: string[] = [];
  readonly #directory: string;
  readonly #resource: string;
  readonly #endpoint: string;
  readonly #script: Script;
  #devices: readonly string[];
  #changed = Promise.withResolvers<void>();
  #server: UnixServer | undefined;

  /** @param devices ids; one that begins with `!` is unhealthy */
  constructor(
    directory: string,
    resource: string,
    devices: readonly string[],
    script: Script = {},
    endpoint?: string,
  ) {
    this.#directory = directory;
    this.#resource = resource;
    this.#devices = devices;
    this.#script = script;
    this.#endpoint = endpoint ?? `${resource.replace("/", "_")}.sock`;
  }

  async listen(): Promise<void> {
    const note = (call: string) => this.calls.push(call);
    const path = join(this.#directory, this.#endpoint);
    this.#server = await serveOnUnixSocket({ path, stopWithinMs: 50 }, [
      implement(DevicePlugin, {
        getDevicePluginOptions: async () => {
          note("GetDevicePluginOptions");
          return {
            getPreferredAllocationAvailable: this.#script.offersPreference ?? false,
            preStartRequired: this.#script.wantsPreStart ?? false,
          };
        },
        listAndWatch: (_request, { signal }) => {
          note("ListAndWatch");
          return this.#lists(signal);
        },
        getPreferredAllocation: async (request) => {
          note("GetPreferredAllocation");
          return { containerResponses: [{ deviceIDs: this.#script.prefer?.(request) ?? [] }] };
        },
        allocate: async (request) => {
          const ids = request.containerRequests.flatMap((container) => container.devicesIds);
          note(`Allocate ${ids.join()}`);
          return { containerResponses: [{ envs: this.#script.allocate?.(request) ?? { IDS: ids.join() } }] };
        },
        preStartContainer: async (request) => {
          note(`PreStartContainer ${request.devicesIds.join()}`);
          this.#script.preStart?.(request.devicesIds);
          return {};
        },
      }),
    ]);
  }

  async register(version = "v1beta1"): Promise<void> {
    this.calls.push("Register");
    const client = new UnixSocketClient(Registration, join(this.#directory, "kubelet.sock"));
    try {
      await client.call("register", { version, endpoint: this.#endpoint, resourceName: this.#resource });
    } finally {
      client.close();
    }
  }

  set(...devices: readonly string[]): void {
    this.#devices = devices;
    this.#changed.resolve();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  async *#lists(signal: AbortSignal) {
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers<void>();
      yield {
        devices: this.#devices.map((id) => ({
          ID: id.replace("!", ""),
          health: id.startsWith("!") ? "Unhealthy" : "Healthy",
        })),
      };
      await Promise.race([this.#changed.promise, ended]);
    }
  }
}
