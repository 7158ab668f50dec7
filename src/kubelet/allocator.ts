import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Device, Pool } from "../model/device.ts";
import type { ContainerAllocateResponseSchema } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { findDevices } from "./allocation.ts";
import { answerFor } from "./answer.ts";
import type { CdiFiles } from "./cdi-files.ts";
import type { AllocationBook, DeviceInfoFiles } from "./device-info-files.ts";
import { checkBond } from "./preferred-allocation.ts";

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
   * @param pool tells the pool as it is: it is asked again when the devices are ready, since those of a PF that was
   * being changed may have other drivers by then, and with them other files
   * @returns an answer for each container
   * @throws as `allocationOf` does, and what `prepare` or a file throws; the kubelet then refuses the pod
   */
  async allocate(
    pool: () => Pool,
    containers: readonly (readonly string[])[],
  ): Promise<MessageInitShape<typeof ContainerAllocateResponseSchema>[]> {
    const { cdi, deviceInfo, uses, prepare } = this.#parts;
    const wanted = findForContainers(pool(), containers);
    // Noted first: whoever takes devices apart must know while they are being prepared. If this fails, they are
    // forgotten after a while, since no pod will have them.
    for (const { id } of wanted) uses?.allocated(pool().resource, id);
    await prepare?.(wanted);
    const ready = pool();
    const given = findForContainers(ready, containers);
    const answers = containers.map((ids) => answerFor(ready, ids, { cdi: cdi !== undefined }));
    await cdi?.ensure(ready);
    await deviceInfo?.write(ready.resource, given);
    return answers;
  }
}

function findForContainers(pool: Pool, containers: readonly (readonly string[])[]): Device[] {
  return containers.flatMap((ids) => {
    const devices = findDevices(pool, ids);
    checkBond(pool, devices);
    return devices;
  });
}
