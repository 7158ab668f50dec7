import type { Device, DeviceMount, DeviceNode, Pool } from "../model/device.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import { compareIds } from "./device-list.ts";
import { deviceVariable, infoVariable } from "./names.ts";

/** How many ids an error names before it only counts the rest. */
const namedInErrors = 16;

/** What a container gets for the devices it was given. */
export interface Allocation {
  /** Environment: the ids, and what they are. */
  readonly envs: Readonly<Record<string, string>>;
  /** Each path of the node once. */
  readonly nodes: readonly DeviceNode[];
  /** Each path of the container once. */
  readonly mounts: readonly DeviceMount[];
}

/**
 * What a container gets for devices of a pool. A link, or the bandwidth of one, reaches the pod when its interfaces
 * are attached; of functions the container gets the files that it needs itself.
 * @throws LanyardError `invalid` for no id or one twice, `not-found` for an unknown one, `unavailable` for an
 * unhealthy one; the message names the resource, the id, and what exists
 */
export function allocationOf(pool: Pool, ids: readonly string[]): Allocation {
  return allocationFor(pool, findDevices(pool, ids));
}

/** What a container would get for devices of a pool, whether they are well or not. */
export function allocationFor(pool: Pool, devices: readonly Device[]): Allocation {
  const info = Object.fromEntries(devices.map((device) => [device.id, device.access.info]));
  return {
    envs: {
      [deviceVariable(pool.resource, pool.kind)]: devices.map((device) => device.id).join(","),
      [infoVariable(pool.resource, pool.kind)]: JSON.stringify(info),
    },
    nodes: firstOfEach(
      devices.flatMap((device) => device.access.nodes),
      (node) => node.hostPath,
    ),
    mounts: firstOfEach(
      devices.flatMap((device) => device.access.mounts),
      (mount) => mount.containerPath,
    ),
  };
}

/**
 * The devices with these ids, in the order of their ids, all of them known and healthy.
 * @throws as `allocationOf` does
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

function firstOfEach<T>(things: readonly T[], key: (thing: T) => string): T[] {
  const firsts = new Map<string, T>();
  for (const thing of things) if (!firsts.has(key(thing))) firsts.set(key(thing), thing);
  return [...firsts.values()];
}

function listIds(devices: readonly Device[]): string {
  if (devices.length === 0) return "none";
  const ids = devices.map((device) => device.id).sort(compareIds);
  const named = ids.slice(0, namedInErrors).join(", ");
  return ids.length > namedInErrors ? `${named} and ${ids.length - namedInErrors} more` : named;
}
