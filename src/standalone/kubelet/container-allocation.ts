import { fromBinary } from "@bufbuild/protobuf";
import type { AssignedDevice } from "../../model/pod.ts";
import { ContainerAllocateResponseSchema } from "../../rpc/generated/deviceplugin/v1beta1_pb.js";
import { assignedDevices, type DeviceEntry } from "./ledger.ts";

/** What a container is started with because of its devices. */
export interface ContainerAllocation {
  readonly name: string;
  readonly devices: readonly AssignedDevice[];
  readonly env: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly isReadOnly: boolean;
  }[];
  readonly deviceNodes: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    /** Any of `r`, `w` and `m`. */
    readonly permissions: string;
  }[];
  /** Fully qualified names. */
  readonly cdiDevices: readonly string[];
}

/**
 * Puts the answers of all the plugins a container has devices of together. Where two speak of one variable,
 * annotation, path or name, the first is kept, as the real kubelet does.
 */
export function combineResponses(name: string, entries: readonly DeviceEntry[]): ContainerAllocation {
  const responses = entries.map((entry) => fromBinary(ContainerAllocateResponseSchema, entry.response));
  const mounts = responses.flatMap((response) =>
    response.mounts.map(({ containerPath, hostPath, readOnly }) => ({
      containerPath,
      hostPath,
      isReadOnly: readOnly,
    })),
  );
  const nodes = responses.flatMap((response) =>
    response.devices.map(({ containerPath, hostPath, permissions }) => ({
      containerPath,
      hostPath,
      permissions,
    })),
  );
  return {
    name,
    devices: assignedDevices(entries),
    env: mergeFirst(responses.map((response) => response.envs)),
    annotations: mergeFirst(responses.map((response) => response.annotations)),
    mounts: firstByPath(mounts),
    deviceNodes: firstByPath(nodes),
    cdiDevices: [
      ...new Set(responses.flatMap((response) => response.cdiDevices.map((device) => device.name))),
    ],
  };
}

function mergeFirst(maps: readonly Record<string, string>[]): Record<string, string> {
  return Object.assign({}, ...maps.toReversed());
}

function firstByPath<T extends { containerPath: string }>(things: readonly T[]): T[] {
  return [...new Map(things.toReversed().map((thing) => [thing.containerPath, thing])).values()].reverse();
}
