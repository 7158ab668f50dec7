import type { Logger } from "pino";
import { type Device, isFunctionDevice, type Pool } from "../model/device.ts";
import type { PoolConfig } from "../model/pool-config.ts";
import type {
  DeviceDirectory,
  DeviceUses,
  FunctionPlace,
  HeldLinks,
  PoolSource,
  Unsubscribe,
} from "../model/ports.ts";
import { FlapDamper } from "./flap-damper.ts";
import { resourceOf } from "./forming.ts";
import { placeFunctions } from "./function-place.ts";
import type { NodeLink } from "./link.ts";
import type { NodeReading } from "./node.ts";
import { type FormedPools, formPools } from "./pools.ts";

/** How long the pools wait to be formed again after somebody was given a device, or gave it back. */
const USES_SETTLE_MS = 100;

/** Where the inventory learns what the node has. */
export interface NodeSource {
  readonly reading: NodeReading;
  onChange(listener: () => void): Unsubscribe;
}

export interface InventoryOptions {
  readonly node: NodeSource;
  readonly pools: readonly PoolConfig[];
  /** Pools that are wanted besides because of what the node has; asked again whenever that changes. */
  readonly morePools?: (node: NodeReading) => readonly PoolConfig[];
  /** Which links are inside pods now. */
  readonly held: HeldLinks;
  /** Which devices pods have. */
  readonly uses: DeviceUses;
  readonly log: Logger;
  /** Milliseconds of a clock that only goes forward; the process' own unless told otherwise. */
  readonly now?: () => number;
}

/** The pools that the node and the configuration form together, kept true while either changes. */
export class Inventory implements PoolSource, DeviceDirectory {
  readonly #options: InventoryOptions;
  readonly #listeners = new Set<() => void>();
  readonly #damper: FlapDamper;
  readonly #subscriptions: Unsubscribe[] = [];
  /** Every link as it was when it was last seen on the node, for those that are inside pods. */
  readonly #lastKnown = new Map<string, NodeLink>();
  readonly #lastDrivers = new Map<string, string>();
  /** Every pool that is wanted, or was while pods were given what they still have of it, by its resource. */
  readonly #known = new Map<string, PoolConfig>();
  /** What was configured, and all pools that are wanted. */
  #configured: readonly PoolConfig[];
  #configs: readonly PoolConfig[];
  #formed: FormedPools = { pools: [], notes: [] };
  /** The node's functions by their addresses, as in a reading of the node. */
  #functions: { readonly of: NodeReading; readonly places: ReadonlyMap<string, FunctionPlace> } | undefined;
  #release: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;

  constructor(options: InventoryOptions) {
    this.#options = options;
    this.#damper = new FlapDamper(options.now);
    this.#configured = options.pools;
    this.#configs = options.pools;
  }

  /** Forms the pools and follows the node, whose first reading must be done. */
  start(): void {
    const { node, uses } = this.#options;
    this.#form();
    this.#subscriptions.push(
      node.onChange(() => this.#form()),
      uses.onChange(() => this.#formLater()),
    );
  }

  stop(): void {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    clearTimeout(this.#release);
    clearTimeout(this.#later);
    this.#listeners.clear();
  }

  /** Takes another configuration. What pods have of pools that are gone stays until they give it back. */
  configure(pools: readonly PoolConfig[]): void {
    this.#configured = pools;
    this.#form();
  }

  pools(): readonly Pool[] {
    return this.#formed.pools;
  }

  /** What is not offered and why, one sentence each. */
  notes(): readonly string[] {
    return this.#formed.notes;
  }

  findDevice(resource: string, id: string): Device | undefined {
    const pool = this.#formed.pools.find((each) => each.resource === resource);
    return pool?.devices.find((device) => device.id === id);
  }

  findFunction(pciAddress: string): FunctionPlace | undefined {
    const { reading } = this.#options.node;
    if (this.#functions?.of !== reading) this.#functions = { of: reading, places: placeFunctions(reading) };
    return this.#functions.places.get(pciAddress);
  }

  functionOfLink(link: string): FunctionPlace | undefined {
    const pciAddress = this.#lastKnown.get(link)?.pciAddress;
    return pciAddress === undefined ? undefined : this.findFunction(pciAddress);
  }

  bandwidthResource(link: string): string | undefined {
    const config = this.#configs.find((each) => each.kind === "bandwidthShare" && each.uplink === link);
    return config === undefined ? undefined : resourceOf(config);
  }

  /** Calls back after any pool, device or health has changed. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Who has a device changes nothing of what is offered now, only of what must stay: that can wait until the kubelet has
   * its answer, and until a whole pod has its devices.
   */
  #formLater(): void {
    this.#later ??= setTimeout(() => this.#form(), USES_SETTLE_MS);
  }

  #form(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    const { node, held, uses, log } = this.#options;
    const { reading } = node;
    this.#configs = this.#combine(reading);
    for (const config of this.#configs) this.#known.set(resourceOf(config), config);
    for (const link of reading.links) this.#lastKnown.set(link.name, link);
    const formed = formPools(this.#configs, reading, {
      held: this.#heldLinks(reading, held.heldLinks()),
      uses: uses.uses(),
      previous: this.#formed.pools,
      retired: [...this.#known.values()],
      lastDrivers: this.#lastDrivers,
    });
    const pools = formed.pools.map((pool) => this.#damp(pool));
    this.#rememberDrivers(reading, pools);
    this.#forgetRetired(pools);
    for (const note of formed.notes) if (!this.#formed.notes.includes(note)) log.info(note);
    this.#tellHealth(this.#formed.pools, pools);
    const isSame = JSON.stringify(pools) === JSON.stringify(this.#formed.pools);
    this.#formed = { pools, notes: formed.notes };
    this.#scheduleRelease(pools);
    if (!isSame) for (const listener of [...this.#listeners]) listener();
  }

  /** Of two pools of one name the configured one counts. */
  #combine(reading: NodeReading): readonly PoolConfig[] {
    const more = this.#options.morePools?.(reading) ?? [];
    const resources = new Set(this.#configured.map(resourceOf));
    return [...this.#configured, ...more.filter((config) => !resources.has(resourceOf(config)))];
  }

  /** Links that are inside pods, as they were last on the node. */
  #heldLinks(reading: NodeReading, names: ReadonlySet<string>): ReadonlyMap<string, NodeLink> {
    const onNode = new Set(reading.links.map(({ name }) => name));
    const away = new Set([...names, ...this.#usedLinks()].filter((name) => !onNode.has(name)));
    // The node's ends of pods' links come and go under ever new names.
    for (const name of this.#lastKnown.keys()) {
      if (!onNode.has(name) && !away.has(name)) this.#lastKnown.delete(name);
    }
    return new Map([...away].map((name) => [name, this.#lastKnown.get(name) ?? unseenLink(name)]));
  }

  /** Names of links that pods were given, whoever moves them there. */
  #usedLinks(): string[] {
    const resources = new Set(
      [...this.#known.values()].filter(({ kind }) => kind === "hostDevice").map(resourceOf),
    );
    return this.#options.uses.uses().flatMap(({ resource, id }) => (resources.has(resource) ? [id] : []));
  }

  #damp(pool: Pool): Pool {
    const devices = pool.devices.map((device): Device => {
      const health = this.#damper.damp(keyOf(pool, device), device.health);
      return health === device.health ? device : { ...device, health };
    });
    return { ...pool, devices };
  }

  #rememberDrivers({ functions }: NodeReading, pools: readonly Pool[]): void {
    const drivers = new Map(functions.map(({ name, driver }) => [name, driver]));
    for (const name of this.#lastDrivers.keys()) if (!drivers.has(name)) this.#lastDrivers.delete(name);
    for (const device of pools.flatMap(({ devices }) => devices)) {
      const driver = drivers.get(device.id);
      if (driver !== undefined && isFunctionDevice(device)) this.#lastDrivers.set(device.id, driver);
    }
  }

  #forgetRetired(pools: readonly Pool[]): void {
    const needed = new Set([...this.#configs.map(resourceOf), ...pools.map(({ resource }) => resource)]);
    for (const resource of this.#known.keys()) if (!needed.has(resource)) this.#known.delete(resource);
  }

  /** Says in the log what was lost and what came back. */
  #tellHealth(before: readonly Pool[], now: readonly Pool[]): void {
    const known = new Map(
      before.flatMap((pool) => pool.devices.map((each) => [keyOf(pool, each), each.health])),
    );
    for (const pool of now) {
      for (const device of pool.devices) {
        const { isHealthy, reason } = device.health;
        const wasHealthy = known.get(keyOf(pool, device))?.isHealthy ?? true;
        const about = { resource: pool.resource, device: device.id };
        if (wasHealthy && !isHealthy) this.#options.log.warn(about, `unhealthy: ${reason}`);
        if (!wasHealthy && isHealthy) this.#options.log.info(about, "healthy again");
      }
    }
  }

  #scheduleRelease(pools: readonly Pool[]): void {
    this.#damper.keepOnly(new Set(pools.flatMap((pool) => pool.devices.map((each) => keyOf(pool, each)))));
    clearTimeout(this.#release);
    const wait = this.#damper.untilRelease();
    if (wait !== undefined) this.#release = setTimeout(() => this.#form(), wait + 1).unref();
  }
}

function keyOf({ resource }: Pool, { id }: Device): string {
  return `${resource}=${id}`;
}

/** Stands for a link that was inside a pod before the agent started. */
function unseenLink(name: string): NodeLink {
  return {
    name,
    altNames: [],
    index: 0,
    mac: "",
    mtu: 0,
    isUp: false,
    hasCarrier: true,
    operState: "unknown",
    lowers: [],
    hasDefaultRoute: false,
    isLoopback: false,
  };
}
