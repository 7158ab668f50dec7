import type { Logger } from "pino";
import type { Kernel } from "../linux/kernel.ts";
import { LinkTable } from "../linux/link-table.ts";
import type { Link } from "../linux/route/link.ts";
import { type NetDeviceFacts, readNetDevice } from "../linux/sysfs/net-device.ts";
import type { AgentConfig } from "../model/agent-config.ts";
import type { Device, Pool } from "../model/device.ts";
import { errorText } from "../model/errors.ts";
import type { DeviceDirectory, HeldLinks, PoolSource, Unsubscribe } from "../model/ports.ts";
import type { NodeLink } from "./link.ts";
import { type FormedPools, formPools } from "./pools.ts";

/** Links change in bursts; the pools are formed once after the last of them, */
const SETTLE_MS = 5;
/** but never later than this after the first, however long the burst is. */
const LONGEST_SETTLE_MS = 50;
/** Everything is read again at least this often, whatever was announced. */
const RESYNC_MS = 60_000;

export interface InventoryOptions {
  readonly kernel: Kernel;
  readonly config: Pick<AgentConfig, "resourcePrefix" | "pools">;
  /** Which links are inside pods now. */
  readonly held: HeldLinks;
  /** `/sys`, or a laid-out tree. */
  readonly sysfsRoot: string;
  readonly log: Logger;
}

/**
 * The node's links and the pools they form, kept true by the kernel's announcements: a link that comes, goes,
 * or loses its carrier changes the pools within milliseconds.
 */
export class Inventory implements PoolSource, DeviceDirectory {
  readonly #options: InventoryOptions;
  readonly #listeners = new Set<() => void>();
  readonly #table: LinkTable;
  /** What sysfs told, with the link as it was when it was asked. */
  readonly #facts = new Map<number, { readonly of: Link; readonly facts: NetDeviceFacts }>();
  /** Every link as it was when it was last seen on the node, for those that are inside pods. */
  readonly #lastKnown = new Map<string, NodeLink>();
  #defaultRouteLinks = new Set<number>();
  #formed: FormedPools = { pools: [], notes: [] };
  #settle: NodeJS.Timeout | undefined;
  #settleBy: number | undefined;
  #resync: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: InventoryOptions) {
    this.#options = options;
    const { kernel, log } = options;
    this.#table = new LinkTable({
      links: kernel.host.links,
      events: kernel.linkEvents,
      onChange: () => this.#formSoon(),
      onResync: () => this.#readSoon(),
      onError: (error) => log.error({ err: error }, "the node's links could not be read again"),
    });
  }

  /** Reads everything once and then follows the announcements. */
  async start(): Promise<void> {
    await this.#table.start();
    this.#reading = this.#readAll();
    await this.#reading;
    if (this.#isStopped) return;
    this.#resync = setInterval(() => this.#readSoon(true), RESYNC_MS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    this.#table.stop();
    clearTimeout(this.#settle);
    clearInterval(this.#resync);
    this.#listeners.clear();
  }

  /** How often announcements were lost and everything was read again. */
  get resyncs(): number {
    return this.#table.resyncs;
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

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param withLinks whether the links are read, too, and not only what is not announced */
  #readSoon(withLinks = false): void {
    this.#reading = this.#reading
      .then(() => (withLinks ? this.#table.read() : undefined))
      .then(() => this.#readAll())
      .catch((error: unknown) =>
        this.#options.log.error({ err: error }, "the node's links and routes could not be read"),
      );
  }

  async #readAll(): Promise<void> {
    const { routes } = await this.#options.kernel.host.routes.list({ type: "unicast" });
    if (this.#isStopped) return;
    this.#defaultRouteLinks = new Set(
      routes
        .filter(({ destination }) => destination.endsWith("/0"))
        .flatMap(({ nextHops }) => nextHops.flatMap(({ link }) => link ?? [])),
    );
    await this.#form();
  }

  #formSoon(): void {
    clearTimeout(this.#settle);
    this.#settleBy ??= performance.now() + LONGEST_SETTLE_MS;
    const wait = Math.max(0, Math.min(SETTLE_MS, this.#settleBy - performance.now()));
    this.#settle = setTimeout(() => {
      this.#settleBy = undefined;
      this.#reading = this.#reading
        .then(() => this.#form())
        .catch((error: unknown) => this.#options.log.error({ err: error }, "the pools could not be formed"));
    }, wait);
  }

  async #form(): Promise<void> {
    await this.#readMissingFacts();
    if (this.#isStopped) return;
    const known = this.#table.links;
    for (const index of this.#facts.keys()) if (!known.has(index)) this.#facts.delete(index);
    const links = [...known.values()].map((link) => this.#describe(link));
    for (const link of links) this.#lastKnown.set(link.name, link);
    const names = new Set(links.map((link) => link.name));
    const held = new Map<string, NodeLink>();
    for (const name of this.#options.held.heldLinks()) {
      if (!names.has(name)) held.set(name, this.#lastKnown.get(name) ?? unseenLink(name));
    }
    const formed = formPools(this.#options.config, links, held);
    const isSame = JSON.stringify(formed.pools) === JSON.stringify(this.#formed.pools);
    for (const note of formed.notes) if (!this.#formed.notes.includes(note)) this.#options.log.info(note);
    this.#formed = formed;
    if (!isSame) for (const listener of [...this.#listeners]) listener();
  }

  async #readMissingFacts(): Promise<void> {
    const { sysfsRoot, log } = this.#options;
    const missing = [...this.#table.links.values()].filter((link) => {
      const known = this.#facts.get(link.index)?.of;
      // A driver knows the speed only while there is a carrier.
      return known?.name !== link.name || known.hasCarrier !== link.hasCarrier;
    });
    await Promise.all(
      missing.map(async (link) => {
        try {
          this.#facts.set(link.index, { of: link, facts: await readNetDevice(sysfsRoot, link.name) });
        } catch (error) {
          log.warn(`what ${sysfsRoot} says of link ${link.name} could not be read: ${errorText(error)}`);
          this.#facts.set(link.index, { of: link, facts: {} });
        }
      }),
    );
  }

  #describe(link: Link): NodeLink {
    return {
      name: link.name,
      index: link.index,
      mac: link.mac,
      mtu: link.mtu,
      ...(link.kind === undefined ? {} : { kind: link.kind }),
      isUp: link.isUp,
      hasCarrier: link.hasCarrier,
      operState: link.operState,
      ...(link.master === undefined ? {} : { master: link.master }),
      hasDefaultRoute: this.#defaultRouteLinks.has(link.index),
      isLoopback: link.isLoopback,
      ...this.#facts.get(link.index)?.facts,
    };
  }
}

/** Stands for a link that was inside a pod before the agent started. */
function unseenLink(name: string): NodeLink {
  return {
    name,
    index: 0,
    mac: "",
    mtu: 0,
    isUp: false,
    hasCarrier: true,
    operState: "unknown",
    hasDefaultRoute: false,
    isLoopback: false,
  };
}
