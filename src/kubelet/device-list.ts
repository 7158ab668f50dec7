import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Device, Pool } from "../model/device.ts";
import type { DeviceSchema, ListAndWatchResponseSchema } from "../rpc/generated/deviceplugin/v1beta1_pb.js";

/** The kubelet's words for a device's health. */
const healthy = "Healthy";
const unhealthy = "Unhealthy";

/** A pool as ListAndWatch tells it; devices in the order of their ids, so that equal pools give equal lists. */
export function deviceList(pool: Pool): MessageInitShape<typeof ListAndWatchResponseSchema> {
  return { devices: pool.devices.toSorted((a, b) => compareIds(a.id, b.id)).map(describe) };
}

/** Orders ids as people do: `up0-2` before `up0-10`. The same on every machine. */
export function compareIds(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

const collator = new Intl.Collator("en", { numeric: true });

function describe(device: Device): MessageInitShape<typeof DeviceSchema> {
  return {
    ID: device.id,
    health: device.health.isHealthy ? healthy : unhealthy,
    ...(device.topology.length > 0 && {
      topology: { nodes: device.topology.map((node) => ({ ID: BigInt(node) })) },
    }),
  };
}
