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
  /** What wakes each open stream. */
  readonly #streams = new Set<() => void>();
  #pool: Pool;

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
          () => this.#pool,
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
    for (const wake of this.#streams) wake();
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<MessageInitShape<typeof ListAndWatchResponseSchema>> {
    // One promise for each wait, which goes with it: one that lived as long as the stream would keep a trace of every
    // wait that raced it, and a stream may live for months.
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    signal.addEventListener("abort", wake);
    this.#streams.add(wake);
    const onEnd = this.#onStream();
    try {
      let sent: Buffer | undefined;
      while (!signal.aborted) {
        news = Promise.withResolvers();
        const list = deviceList(this.#pool);
        const bytes = Buffer.from(
          toBinary(ListAndWatchResponseSchema, create(ListAndWatchResponseSchema, list)),
        );
        if (sent === undefined || !bytes.equals(sent)) {
          sent = bytes;
          yield list;
        }
        await news.promise;
        await sleep(this.#coalesceMs, undefined, { signal }).catch(() => {});
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#streams.delete(wake);
      onEnd();
    }
  }
}
