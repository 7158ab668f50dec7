import { errorText, LanyardError } from "../../model/errors.ts";
import { type CallOptions, UnixSocketClient } from "../../rpc/client.ts";
import {
  type ContainerAllocateResponse,
  DevicePlugin,
  type DevicePluginOptions,
} from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import type { ListedDevice } from "./ledger.ts";

/** Dialling and asking for options, in milliseconds (dial in plugin/v1beta1/client.go of the real one). */
const dialMs = 10_000;

/** Every other call, in milliseconds: the real kubelet's bound for PreStartContainer; it has none for the others. */
const callMs = 30_000;

/** One registered plugin, as the kubelet holds it: its resource, its socket, its options and its list's stream. */
export class PluginClient {
  readonly resource: string;
  readonly socketPath: string;
  readonly #client: UnixSocketClient<typeof DevicePlugin>;
  readonly #closing = new AbortController();
  #options: DevicePluginOptions | undefined;

  constructor(resource: string, socketPath: string) {
    this.resource = resource;
    this.socketPath = socketPath;
    this.#client = new UnixSocketClient(DevicePlugin, socketPath);
  }

  /** Closed, because its stream ended or it was disconnected. */
  get isStopped(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws LanyardError when nobody answers at the socket */
  async connect(): Promise<void> {
    try {
      this.#options = await this.#client.call("getDevicePluginOptions", {}, this.#within(dialMs));
    } catch (error) {
      const isDialling = error instanceof LanyardError && error.code === "unavailable";
      const text = isDialling ? "failed to dial device plugin:" : "failed to get device plugin options:";
      throw new LanyardError("unavailable", `${text} ${errorText(error)}`, { cause: error });
    }
  }

  /** Hands over every list until the stream ends, whoever ends it; says why when it broke. */
  async watch(onList: (devices: readonly ListedDevice[]) => void): Promise<string> {
    try {
      for await (const list of this.#client.watch("listAndWatch", {}, { signal: this.#closing.signal })) {
        if (this.#closing.signal.aborted) break;
        onList(
          list.devices.map((device) => ({
            id: device.ID,
            isHealthy: device.health === "Healthy",
            numaNodes: device.topology?.nodes.map((node) => Number(node.ID)) ?? [],
          })),
        );
      }
      return "the plugin ended the stream";
    } catch (error) {
      return errorText(error);
    }
  }

  /** The ids the plugin would take; none when it has no opinion to offer. */
  async prefer(available: readonly string[], size: number): Promise<readonly string[]> {
    if (!this.#options?.getPreferredAllocationAvailable) return [];
    try {
      const answer = await this.#client.call(
        "getPreferredAllocation",
        {
          containerRequests: [
            { availableDeviceIDs: [...available], mustIncludeDeviceIDs: [], allocationSize: size },
          ],
        },
        this.#within(callMs),
      );
      return answer.containerResponses[0]?.deviceIDs ?? [];
    } catch (error) {
      throw failed("GetPreferredAllocation", error);
    }
  }

  async allocate(ids: readonly string[]): Promise<ContainerAllocateResponse> {
    this.#checkRunning();
    const answer = await this.#client.call(
      "allocate",
      { containerRequests: [{ devicesIds: [...ids] }] },
      this.#within(callMs),
    );
    const [response] = answer.containerResponses;
    if (response === undefined) {
      throw new LanyardError("internal", `no containers return in allocation response of ${this.resource}`);
    }
    return response;
  }

  /** Tells the plugin that a container is about to start, if it asked to be told. */
  async preStart(ids: readonly string[]): Promise<void> {
    if (!this.#options?.preStartRequired) return;
    try {
      this.#checkRunning();
      await this.#client.call("preStartContainer", { devicesIds: [...ids] }, this.#within(callMs));
    } catch (error) {
      throw failed("PreStartContainer", error);
    }
  }

  close(): void {
    this.#closing.abort();
    this.#client.close();
  }

  #within(deadlineMs: number): CallOptions {
    return { deadlineMs, signal: this.#closing.signal };
  }

  #checkRunning(): void {
    if (this.isStopped) throw new LanyardError("unavailable", `endpoint ${this.socketPath} has been stopped`);
  }
}

function failed(method: string, error: unknown): LanyardError {
  const code = error instanceof LanyardError ? error.code : "internal";
  return new LanyardError(code, `device plugin ${method} rpc failed with err: ${errorText(error)}`, {
    cause: error,
  });
}
