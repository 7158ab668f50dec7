import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Device, Pool } from "../model/device.ts";
import type { ContainerAllocateResponseSchema } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { findDevices } from "./allocation.ts";
import { answerFor } from "./answer.ts";
import type { CdiFiles } from "./cdi-files.ts";
import type { AllocationBook, DeviceInfoFiles } from "./device-info-files.ts";

export interface AllocatorParts {
  readonly cdi: CdiFiles | undefined;
  readonly deviceInfo: DeviceInfoFiles | undefined;
  readonly uses: AllocationBook | undefined;
  /** Makes devices ready for another owner; a rejection refuses the allocation. */
  readonly prepare: ((devices: readonly Device[]) => Promise<void>) | undefined;
}

/** Gives devices away: checks, prepares, leaves the files others will read, and answers. */
export class Allocator {
  readonly #parts: AllocatorParts;

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
  }

  /**
   * @param pool asked once, so that all is said of one state of it
   * @returns an answer for each container
   * @throws as `allocationOf` does, and what `prepare` or a file throws; the kubelet then refuses the pod
   */
  async allocate(
    pool: Pool,
    containers: readonly (readonly string[])[],
  ): Promise<MessageInitShape<typeof ContainerAllocateResponseSchema>[]> {
    const { cdi, deviceInfo, uses, prepare } = this.#parts;
    const answers = containers.map((ids) => answerFor(pool, ids, { cdi: cdi !== undefined }));
    const devices = containers.flatMap((ids) => findDevices(pool, ids));
    // Noted first: whoever takes devices apart must know while they are being prepared. If this fails, they are
    // forgotten after a while, since no pod will have them.
    for (const { id } of devices) uses?.allocated(pool.resource, id);
    await prepare?.(devices);
    await cdi?.ensure(pool);
    await deviceInfo?.write(pool.resource, devices);
    return answers;
  }
}
