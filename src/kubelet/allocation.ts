import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Device, Pool } from "../model/device.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import type { ContainerAllocateResponseSchema } from "../rpc/generated/deviceplugin/v1beta1_pb.js";
import { compareIds } from "./device-list.ts";
import { deviceVariable, infoVariable } from "./names.ts";

/** How many ids an error names before it only counts the rest. */
const namedInErrors = 16;

/**
 * What a container gets for the devices it was given: their ids and what they are, as environment. The devices
 * themselves reach the pod when its interfaces are attached.
 * @throws LanyardError `invalid` for no id or one twice, `not-found` for an unknown one, `unavailable` for an
 * unhealthy one; the message names the resource, the id, and what exists
 */
export function allocateDevices(
  pool: Pool,
  ids: readonly string[],
): MessageInitShape<typeof ContainerAllocateResponseSchema> {
  const devices = findDevices(pool, ids);
  const info = Object.fromEntries(devices.map((device) => [device.id, describe(device)]));
  return {
    envs: {
      [deviceVariable(pool.resource)]: devices.map((device) => device.id).join(","),
      [infoVariable(pool.resource)]: JSON.stringify(info),
    },
  };
}

/**
 * The devices with these ids, in the order of their ids, all of them known and healthy.
 * @throws as `allocateDevices` does
 */
export function findDevices(pool: Pool, ids: readonly string[]): Device[] {
  if (ids.length === 0) throw new LanyardError("invalid", `${pool.resource}: no device id was given`);
  const sorted = ids.toSorted(compareIds);
  const twice = sorted.find((id, index) => id === sorted[index + 1]);
  if (twice !== undefined) {
    throw new LanyardError("invalid", `${pool.resource}: device "${twice}" was given twice`);
  }
  const known = new Map(pool.devices.map((device) => [device.id, device]));
  return sorted.map((id) => {
    const device = known.get(id);
    if (device === undefined) {
      throw new NotFoundError(
        `${pool.resource}: there is no device "${id}"; there are: ${listIds(pool.devices)}`,
      );
    }
    if (!device.health.isHealthy) {
      const healthy = pool.devices.filter((other) => other.health.isHealthy);
      const reason = device.health.reason ?? "no reason is known";
      throw new LanyardError(
        "unavailable",
        `${pool.resource}: device "${id}" is not healthy (${reason}); healthy ones are: ${listIds(healthy)}`,
      );
    }
    return device;
  });
}

function describe(device: Device): { kind: string; link: string; rate?: number } {
  const { kind, link } = device;
  return device.kind === "bandwidthShare" ? { kind, link, rate: device.rate } : { kind, link };
}

function listIds(devices: readonly Device[]): string {
  if (devices.length === 0) return "none";
  const ids = devices.map((device) => device.id).sort(compareIds);
  const named = ids.slice(0, namedInErrors).join(", ");
  return ids.length > namedInErrors ? `${named} and ${ids.length - namedInErrors} more` : named;
}
