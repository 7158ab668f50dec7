import type { Pool } from "../model/device.ts";
import type { PoolConfig } from "../model/pool-config.ts";
import { formBandwidthPool } from "./bandwidth-pool.ts";
import { Forming, NOTHING_REMEMBERED, type Remembered, resourceOf } from "./forming.ts";
import { formFunctionPool } from "./function-pool.ts";
import { formHostDevicePool } from "./host-device-pool.ts";
import type { NodeReading } from "./node.ts";

/** What the configuration and the node make together. */
export interface FormedPools {
  /** In the configuration's order. A pool of functions has at least one device, the others may be empty. */
  readonly pools: readonly Pool[];
  /** What was left out and why, one sentence each. */
  readonly notes: readonly string[];
}

/** Which devices the node offers. Pure: the same configuration, node and memory give the same pools. */
export function formPools(
  configs: readonly PoolConfig[],
  node: NodeReading,
  remembered: Remembered = NOTHING_REMEMBERED,
): FormedPools {
  const forming = new Forming(configs, node, remembered);
  const pools = configs.flatMap((config) => formPool(config, forming) ?? []);
  const { notes } = forming;
  const configured = new Set(configs.map(resourceOf));
  const retired = remembered.retired.filter((config) => !configured.has(resourceOf(config)));
  const kept = retired.flatMap((config) => keepUsed(config, forming) ?? []);
  const goings = kept.map(
    ({ resource }) => `${resource} is configured no more, and goes when pods have given back its devices`,
  );
  return { pools: [...pools, ...kept], notes: [...notes, ...goings] };
}

/** A pool that is configured no more: what pods have of it stays in it until they give it back. */
function keepUsed(config: PoolConfig, forming: Forming): Pool | undefined {
  const used = new Set(forming.usesOf(resourceOf(config)));
  const pool = used.size === 0 ? undefined : formPool(config, forming);
  return pool === undefined ? undefined : { ...pool, devices: pool.devices.filter(({ id }) => used.has(id)) };
}

function formPool(config: PoolConfig, forming: Forming): Pool | undefined {
  switch (config.kind) {
    case "hostDevice":
      return formHostDevicePool(config, forming);
    case "bandwidthShare":
      return formBandwidthPool(config, forming);
    default:
      return formFunctionPool(config, forming);
  }
}
