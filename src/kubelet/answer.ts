import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Pool } from "../model/device.ts";
import type { ContainerAllocateResponseSchema } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { allocationOf } from "./allocation.ts";
import { cdiNames } from "./cdi.ts";
import { cdiAnnotation } from "./names.ts";

/** How the kubelet is told which files a container gets. */
export interface AnswerOptions {
  /** By the names of CDI devices, which the container runtime looks up in spec files; else one by one. */
  readonly cdi: boolean;
}

/**
 * What Allocate answers for one container.
 *
 * With CDI the kubelet gets names alone. Since 1.29 it passes them on by `cdiDevices`; an older one leaves that field
 * out, and then the runtime finds the same names in the annotation.
 * @throws as `allocationOf` does
 */
export function answerFor(
  pool: Pool,
  ids: readonly string[],
  { cdi }: AnswerOptions,
): MessageInitShape<typeof ContainerAllocateResponseSchema> {
  const { envs, nodes, mounts } = allocationOf(pool, ids);
  const names = cdi ? cdiNames(pool, ids) : undefined;
  if (names === undefined) {
    return {
      envs,
      devices: nodes.map(({ hostPath, containerPath, permissions }) => ({
        hostPath,
        containerPath,
        permissions,
      })),
      mounts: mounts.map(({ hostPath, containerPath, isReadOnly }) => ({
        hostPath,
        containerPath,
        readOnly: isReadOnly,
      })),
    };
  }
  if (names.length === 0) return { envs };
  return {
    envs,
    cdiDevices: names.map((name) => ({ name })),
    annotations: { [cdiAnnotation(pool.resource)]: names.join(",") },
  };
}
