import { setTimeout as sleep } from "node:timers/promises";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Pool } from "../model/device.ts";
import {
  type DevicePlugin,
  type DevicePluginOptionsSchema,
  ListAndWatchResponseSchema,
} from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import type { Handlers } from "../rpc/service.ts";
import { findDevices } from "./allocation.ts";
import type { Allocator } from "./allocator.ts";
import { deviceList } from "./device-list.ts";
import { preferDevices } from "./preferred-allocation.ts";

/**
 * What the kubelet is told of the plugin. Allocation is advised by the pool's policy; nothing has to be done to a
 * device before its container starts, because the interface is attached later.
 */
export const pluginOptions: MessageInitShape<typeof DevicePluginOptionsSchema> = {
  getPreferredAllocationAvailable: true,
  preStartRequired: false,
};

/** The DevicePlugin service of one resource: answers for a pool that changes. */
export class PluginService {
  readonly handlers: Handlers<typeof DevicePlugin>;
  readonly #coalesceMs: number;
  readonly #onStream: () => () => void;
  #pool: Pool;
  #changed = Promise.withResolvers<void>();

  /**
   * @param coalesceMs how long a change waits for others to travel in the same list, in milliseconds
   * @param onStream called when a ListAndWatch stream is opened; what it returns is called when that one ends
   */
  constructor(pool: Pool, allocator: Allocator, coalesceMs: number, onStream: () => () => void) {
    this.#pool = pool;
    this.#coalesceMs = coalesceMs;
    this.#onStream = onStream;
    this.handlers = {
      getDevicePluginOptions: async () => pluginOptions,
      listAndWatch: (_request, { signal }) => this.#watch(signal),
      getPreferredAllocation: async (request) => ({
        containerResponses: request.containerRequests.map((container) => ({
          deviceIDs: preferDevices(this.#pool, {
            available: container.availableDeviceIDs,
            mustInclude: container.mustIncludeDeviceIDs,
            size: container.allocationSize,
          }),
        })),
      }),
      allocate: async (request) => ({
        containerResponses: await allocator.allocate(
          this.#pool,
          request.containerRequests.map((container) => container.devicesIds),
        ),
      }),
      preStartContainer: async (request) => {
        findDevices(this.#pool, request.devicesIds);
        return {};
      },
    };
  }

  /** The pool as it is now; every open stream sends the whole list again if it differs. */
  update(pool: Pool): void {
    this.#pool = pool;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<MessageInitShape<typeof ListAndWatchResponseSchema>> {
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    const onEnd = this.#onStream();
    try {
      let sent: Buffer | undefined;
      while (!signal.aborted) {
        const changed = this.#changed.promise;
        const list = deviceList(this.#pool);
        const bytes = Buffer.from(
          toBinary(ListAndWatchResponseSchema, create(ListAndWatchResponseSchema, list)),
        );
        if (sent === undefined || !bytes.equals(sent)) {
          sent = bytes;
          yield list;
        }
        await Promise.race([changed, ended]);
        await sleep(this.#coalesceMs, undefined, { signal }).catch(() => {});
      }
    } finally {
      onEnd();
    }
  }
}
