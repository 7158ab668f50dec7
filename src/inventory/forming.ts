import type { Device, Pool } from "../model/device.ts";
import type { PoolConfig } from "../model/pool-config.ts";
import type { DeviceUse } from "../model/ports.ts";
import type { NodeLink } from "./link.ts";
import type { NodeReading } from "./node.ts";
import { describeFunctions, type NodeFunction } from "./node-function.ts";
import { findWayOut } from "./way-out.ts";

/** What must be remembered of the past when pools are formed: what is in use never vanishes from its pool. */
export interface Remembered {
  /** Links inside pods now, by their name on the node, as they were last known there. */
  readonly held: ReadonlyMap<string, NodeLink>;
  /** Devices that pods have. */
  readonly uses: readonly DeviceUse[];
  /** The pools as they were formed last. */
  readonly previous: readonly Pool[];
  /** Pools that were configured once: of them only what is in use is offered. */
  readonly retired: readonly PoolConfig[];
  /** The driver that functions without one had last, by name. */
  readonly lastDrivers: ReadonlyMap<string, string>;
}

export const NOTHING_REMEMBERED: Remembered = {
  held: new Map(),
  uses: [],
  previous: [],
  retired: [],
  lastDrivers: new Map(),
};

/** The making of all pools, one after the other: what there is to choose from, and what was chosen already. */
export class Forming {
  readonly node: NodeReading;
  readonly remembered: Remembered;
  readonly functions: readonly NodeFunction[];
  /** Links by name, those inside pods among them. */
  readonly links: ReadonlyMap<string, NodeLink>;
  readonly #notes = new Set<string>();
  /** Why a link must not be given away, by its index. */
  readonly #wayOut: ReadonlyMap<number, string>;
  /** The pool that shares the bandwidth of an uplink, by the uplink's name. */
  readonly #uplinks: ReadonlyMap<string, string>;
  /** The resource a link or function is offered as, by its name. */
  readonly #offered = new Map<string, string>();
  /** The resource a link or function is in use as, by its name. */
  readonly #inUse: ReadonlyMap<string, string>;

  constructor(configs: readonly PoolConfig[], node: NodeReading, remembered: Remembered) {
    this.node = node;
    this.remembered = remembered;
    this.functions = describeFunctions(node);
    this.links = new Map([...remembered.held.values(), ...node.links].map((link) => [link.name, link]));
    this.#wayOut = findWayOut(node.links);
    this.#uplinks = new Map(
      configs.flatMap((config) =>
        config.kind === "bandwidthShare" ? [[config.uplink, resourceOf(config)] as const] : [],
      ),
    );
    this.#inUse = nameUses(remembered.uses, this.functions, this.links);
  }

  /** What was left out and why, each sentence once. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** Ids of a resource that pods have. */
  usesOf(resource: string): string[] {
    return this.remembered.uses.filter((use) => use.resource === resource).map(({ id }) => id);
  }

  /** Whether pods have a device of a resource. */
  isUsed(resource: string, id: string): boolean {
    return this.#inUse.get(id) === resource;
  }

  /** A device as it was when the pools were formed last. */
  previousDevice(resource: string, id: string): Device | undefined {
    const pool = this.remembered.previous.find((each) => each.resource === resource);
    return pool?.devices.find((device) => device.id === id);
  }

  /** Why a link must stay on the node, or undefined. */
  whyNeeded(link: NodeLink): string | undefined {
    const sharing = this.#uplinks.get(link.name);
    return (
      this.#wayOut.get(link.index) ??
      (sharing === undefined ? undefined : `it is the uplink whose bandwidth is offered as ${sharing}`)
    );
  }

  /** Why a link or function cannot be offered as this resource, since another has it; or undefined. */
  whyTaken(resource: string, names: readonly string[]): string | undefined {
    for (const name of names) {
      const user = this.#inUse.get(name);
      if (user !== undefined && user !== resource) return `a pod has it as ${user}`;
      const owner = this.#offered.get(name);
      if (owner !== undefined) return owner === resource ? "" : `it is offered as ${owner} already`;
    }
    return undefined;
  }

  /** Nothing of these names is offered as another resource from now on. */
  take(resource: string, names: readonly string[]): void {
    for (const name of names) this.#offered.set(name, resource);
  }

  note(sentence: string): void {
    this.#notes.add(sentence);
  }
}

/** The resource by every name of what pods have: a link and its function are one thing. */
function nameUses(
  uses: readonly DeviceUse[],
  functions: readonly NodeFunction[],
  links: ReadonlyMap<string, NodeLink>,
): ReadonlyMap<string, string> {
  const linksOf = new Map(functions.map(({ facts }) => [facts.name, facts.links]));
  const functionOf = new Map(
    functions.flatMap(({ facts }) => facts.links.map((link) => [link, facts.name] as const)),
  );
  const named = new Map<string, string>();
  for (const { resource, id } of uses) {
    // A link inside a pod is not among those of its function, but was when it was last seen.
    const functionName = functionOf.get(id) ?? links.get(id)?.pciAddress;
    for (const name of [...(linksOf.get(id) ?? []), functionName, id]) {
      if (name !== undefined) named.set(name, resource);
    }
  }
  return named;
}

/** Full name of the resource a pool is offered as. */
export function resourceOf({ prefix, name }: { readonly prefix: string; readonly name: string }): string {
  return `${prefix}/${name}`;
}
