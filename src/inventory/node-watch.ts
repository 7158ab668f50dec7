import { join } from "node:path";
import type { Logger } from "pino";
import type { DefaultRouteMonitor } from "../linux/default-route-events.ts";
import { FolderWatch } from "../linux/folder-watch.ts";
import type { Kernel } from "../linux/kernel.ts";
import { LinkTable } from "../linux/link-table.ts";
import type { Link } from "../linux/route/link.ts";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import { type NetDeviceFacts, readNetDevice } from "../linux/sysfs/net-device.ts";
import { readPciErrors } from "../linux/sysfs/pci-errors.ts";
import { isSettled, udevDataFolder } from "../linux/udev.ts";
import type { UeventMonitor } from "../linux/uevents.ts";
import { Debounce } from "../model/debounce.ts";
import { errorText } from "../model/errors.ts";
import type { Unsubscribe } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import { readCards } from "./cards.ts";
import { readDeviceFiles } from "./device-files.ts";
import { readDisabledVfs } from "./disabled-vfs.ts";
import { FunctionTable } from "./function-table.ts";
import type { NodeLink } from "./link.ts";
import type { CardFacts, NodeReading } from "./node.ts";
import { PciErrorLog } from "./pci-errors.ts";
import { findWayOut } from "./way-out.ts";

/** Everything changes in bursts; who listens is told once after the last of them, */
const SETTLE_MS = 5;
/** but never later than this after the first, however long the burst is. */
const LONGEST_SETTLE_MS = 50;
/** Everything is read again at least this often, whatever was announced. */
const RESYNC_MS = 60_000;
/** What is announced by nobody, the counts of errors and the cards' own reports, is asked for this often. */
const POLL_MS = 10_000;

export interface NodeWatchOptions {
  readonly kernel: Kernel;
  readonly uevents: UeventMonitor;
  readonly defaultRoutes: DefaultRouteMonitor;
  /** `/`, or a folder that stands for it. */
  readonly root: string;
  readonly log: Logger;
}

/**
 * The node as it is now: its links, functions and cards, kept true by the kernel's announcements. Each of them is read
 * on its own, so that a driver that keeps one waiting holds up no other; a link's carrier is told by its announcement
 * alone.
 */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  readonly #listeners = new Set<() => void>();
  readonly #links: LinkTable;
  readonly #functions: FunctionTable;
  readonly #pciErrors = new PciErrorLog();
  readonly #udev: FolderWatch;
  /** What sysfs told of a link, with the link as it was when that was asked. */
  readonly #linkFacts = new Map<number, { readonly of: Link; readonly facts: NetDeviceFacts }>();
  /** Indexes of links whose names are their last. */
  readonly #settled = new Set<number>();
  #defaultRouteLinks: ReadonlySet<number> = new Set();
  #deviceFiles: ReadonlySet<string> = new Set();
  #cards: ReadonlyMap<string, CardFacts> = new Map();
  #disabledVfs: ReadonlySet<string> = new Set();
  readonly #readAgain = this.#task("the node's links", () => this.#takeLinks());
  readonly #readRoutes = this.#task("the node's default routes", () => this.#takeRoutes());
  readonly #readLinkFacts = this.#task("what sysfs says of links", () => this.#takeLinkFacts());
  readonly #readFiles = this.#task("the node's device files", () => this.#takeFiles());
  readonly #readVfs = this.#task("the VFs' link states", () => this.#takeVfs());
  readonly #readCards = this.#task("the cards' own reports", () => this.#takeCards());
  #reading: NodeReading | undefined;
  readonly #debounce = new Debounce(SETTLE_MS, () => this.#tell(), LONGEST_SETTLE_MS);
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #subscriptions: Unsubscribe[] = [];
  #isStopped = false;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
    const { kernel, root, log } = options;
    this.#links = new LinkTable({
      links: kernel.host.links,
      events: kernel.linkEvents,
      onChange: (link) => this.#linkChanged(link),
      onResync: () => this.#readEverything(),
      onError: (error) => log.error({ err: error }, "the node's links could not be read again"),
    });
    this.#functions = new FunctionTable(root, log, () => this.#functionsChanged());
    this.#udev = new FolderWatch(udevDataFolder(root), log, () => this.#changed());
  }

  /** Reads everything once and then follows the announcements. */
  async start(): Promise<void> {
    const { uevents, defaultRoutes } = this.#options;
    this.#subscriptions.push(
      uevents.listen({
        onUevent: (event) => this.#functions.take(event),
        onOverrun: () => void this.#functions.readAll(),
      }),
      defaultRoutes.onChange(() => void this.#readRoutes()),
    );
    this.#udev.start();
    await this.#links.start();
    await Promise.all([this.#functions.readAll(), this.#readRoutes(), this.#readFiles()]);
    await Promise.all([this.#readLinkFacts(), this.#readVfs(), this.#readCards()]);
    if (this.#isStopped) return;
    this.#timers.push(
      setInterval(() => void this.#readAgain(), RESYNC_MS).unref(),
      setInterval(() => void this.#readCards(), POLL_MS).unref(),
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#links.stop();
    this.#udev.stop();
    this.#debounce.cancel();
    for (const timer of this.#timers) clearInterval(timer);
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#listeners.clear();
  }

  /** The node as it is known now. The same object until something changes. */
  get reading(): NodeReading {
    this.#reading ??= this.#describe();
    return this.#reading;
  }

  /** Every function of the node whose links have their last names. */
  functions(): readonly FunctionFacts[] {
    const { functions, unsettled } = this.reading;
    return functions.filter(({ name }) => !unsettled.has(name));
  }

  links(): readonly NodeLink[] {
    return this.reading.links;
  }

  /** A link by its name as the kernel announced it last; undefined where none is known. */
  announcedLink(name: string): Link | undefined {
    return this.#links.links.values().find((link) => link.name === name);
  }

  /** Why nothing may be done to a link (`it carries the node's default route`); undefined where everything may. */
  whyProtected(linkName: string): string | undefined {
    const links = this.links();
    const link = links.find(({ name }) => name === linkName);
    return link === undefined ? undefined : findWayOut(links).get(link.index);
  }

  /** How often announcements of links were lost and everything was read again. */
  get resyncs(): number {
    return this.#links.resyncs;
  }

  /** Calls back after something may have changed. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Pods' links come and go all the time: what is dear to read is read again only where it may be different. */
  #linkChanged({ index, name }: Link): void {
    this.#changed();
    void this.#readLinkFacts();
    // The kernel takes IPv4 routes away with a link, without a word,
    if (this.#defaultRouteLinks.has(index)) void this.#readRoutes();
    // and announces a PF when one of its VFs was set, without saying what (do_setlink, net/core/rtnetlink.c).
    if (this.#hasVfs(name)) void this.#readVfs();
  }

  #hasVfs(link: string): boolean {
    for (const { vfCount = 0, links } of this.#functions.functions.values()) {
      if (vfCount > 0 && links.includes(link)) return true;
    }
    return false;
  }

  #functionsChanged(): void {
    this.#changed();
    void this.#readFiles();
    void this.#readVfs();
  }

  #readEverything(): void {
    this.#changed();
    void this.#functions.readAll();
    for (const read of [this.#readRoutes, this.#readLinkFacts, this.#readFiles, this.#readVfs]) void read();
  }

  #changed(): void {
    if (!this.#isStopped) this.#debounce.note();
  }

  #tell(): void {
    this.#reading = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  /** A piece of reading that never runs twice at once, and tells afterwards that something may have changed. */
  #task(what: string, read: () => Promise<boolean>): () => Promise<void> {
    const task = new SerialTask(async () => {
      if (this.#isStopped) return;
      try {
        if (await read()) this.#changed();
      } catch (error) {
        this.#options.log.error({ err: error }, `${what} could not be read: ${errorText(error)}`);
      }
    });
    return () => task.request();
  }

  async #takeLinks(): Promise<boolean> {
    await this.#links.read();
    this.#readEverything();
    return false;
  }

  async #takeRoutes(): Promise<boolean> {
    const { routes } = await this.#options.kernel.host.routes.list({ type: "unicast" });
    const found = new Set(
      routes
        .filter(({ destination }) => destination.endsWith("/0"))
        .flatMap(({ nextHops }) => nextHops.flatMap(({ link }) => link ?? [])),
    );
    const isSame = found.symmetricDifference(this.#defaultRouteLinks).size === 0;
    this.#defaultRouteLinks = found;
    return !isSame;
  }

  async #takeLinkFacts(): Promise<boolean> {
    const { root, log } = this.#options;
    const known = this.#links.links;
    for (const index of this.#linkFacts.keys()) if (!known.has(index)) this.#linkFacts.delete(index);
    const missing = [...known.values()].filter((link) => {
      const of = this.#linkFacts.get(link.index)?.of;
      // A driver knows the speed only while there is a carrier.
      return of?.name !== link.name || of.hasCarrier !== link.hasCarrier;
    });
    await Promise.all(
      missing.map(async (link) => {
        try {
          this.#linkFacts.set(link.index, {
            of: link,
            facts: await readNetDevice(join(root, "sys"), link.name),
          });
        } catch (error) {
          log.warn(`what sysfs says of link ${link.name} could not be read: ${errorText(error)}`);
          this.#linkFacts.set(link.index, { of: link, facts: {} });
        }
      }),
    );
    return missing.length > 0;
  }

  async #takeFiles(): Promise<boolean> {
    const found = await readDeviceFiles(this.#options.root);
    const isSame = found.symmetricDifference(this.#deviceFiles).size === 0;
    this.#deviceFiles = found;
    return !isSame;
  }

  async #takeVfs(): Promise<boolean> {
    const { kernel, log } = this.#options;
    const found = await readDisabledVfs(
      kernel.host.vfs,
      [...this.#functions.functions.values()],
      this.#links.links.values(),
      log,
    );
    const isSame = found.symmetricDifference(this.#disabledVfs).size === 0;
    this.#disabledVfs = found;
    return !isSame;
  }

  async #takeCards(): Promise<boolean> {
    const { kernel, root, log } = this.#options;
    const before = this.#pciErrors.recent();
    const functions = [...this.#functions.functions.values()].filter(({ bus }) => bus === "pci");
    await Promise.all(
      functions.map(async ({ name, pciErrors }) => {
        // Only functions that can count are asked.
        const counts = pciErrors === undefined ? undefined : await readPciErrors(root, name);
        if (counts !== undefined) this.#pciErrors.note(name, counts);
      }),
    );
    const vfs = new Set(functions.flatMap(({ name, pf }) => (pf === undefined ? [] : [name])));
    const cards = await readCards(kernel.host.devlink, vfs, log);
    const isSame = sameEntries(cards, this.#cards) && sameEntries(this.#pciErrors.recent(), before);
    this.#cards = cards;
    return !isSame;
  }

  #describe(): NodeReading {
    const links = [...this.#links.links.values()].map((link) => this.#describeLink(link));
    const byName = new Map(links.map((link) => [link.name, link.index]));
    const functions = [...this.#functions.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const index of this.#settled) if (!this.#links.links.has(index)) this.#settled.delete(index);
    const isUnsettled = (name: string) => {
      const index = byName.get(name);
      if (index === undefined || this.#settled.has(index)) return false;
      if (!isSettled(this.#options.root, index)) return true;
      this.#settled.add(index);
      return false;
    };
    return {
      functions,
      links,
      deviceFiles: this.#deviceFiles,
      cards: this.#cards,
      disabledVfs: this.#disabledVfs,
      recentPciErrors: this.#pciErrors.recent(),
      unsettled: new Set(functions.filter((each) => each.links.some(isUnsettled)).map(({ name }) => name)),
    };
  }

  #describeLink(link: Link): NodeLink {
    const isOnAnother = link.parent !== undefined && link.parentNamespaceId === undefined;
    return {
      name: link.name,
      altNames: link.altNames,
      index: link.index,
      mac: link.mac,
      mtu: link.mtu,
      ...(link.kind !== undefined && { kind: link.kind }),
      isUp: link.isUp,
      hasCarrier: link.hasCarrier,
      operState: link.operState,
      ...(link.master !== undefined && { master: link.master }),
      // A veth stands on nothing: its parent is its other end.
      lowers: isOnAnother && link.kind !== "veth" && link.parent !== undefined ? [link.parent] : [],
      ...(link.physicalPortName !== undefined && { physicalPortName: link.physicalPortName }),
      ...(link.physicalSwitchId !== undefined && { physicalSwitchId: link.physicalSwitchId }),
      hasDefaultRoute: this.#defaultRouteLinks.has(link.index),
      isLoopback: link.isLoopback,
      ...this.#linkFacts.get(link.index)?.facts,
    };
  }
}

function sameEntries(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return JSON.stringify([...one]) === JSON.stringify([...other]);
}
