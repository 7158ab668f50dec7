import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { Inventory } from "../../../src/inventory/inventory.ts";
import { NodeWatch } from "../../../src/inventory/node-watch.ts";
import type { DefaultRouteMonitor } from "../../../src/linux/default-route-events.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { LinkEvent } from "../../../src/linux/link-events.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
import type { UeventMonitor } from "../../../src/linux/uevents.ts";
import type { Pool } from "../../../src/model/device.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";
import type { PoolConfig } from "../../../src/model/pool-config.ts";
import { Gates } from "../../unit/linux/netlink/gate.ts";
import { PATIENCE, within } from "../world.ts";

/*
 * What a kernel does seldom is played here: a dump that is older than what was announced meanwhile, a dump that
 * lacks links, a burst that does not end.
 */

/** What a list of links gives. */
interface Dump {
  readonly links: readonly Link[];
  readonly isInconsistent: boolean;
}

const NICS = "lanyard.dev/nics";
const common = { prefix: "lanyard.dev", allocation: "numa", health: DEFAULT_HEALTH_POLICY } as const;
const nics: PoolConfig = { ...common, kind: "hostDevice", name: "nics", links: ["nic*"] };
const shares: PoolConfig = { ...common, kind: "bandwidthShare", name: "share", uplink: "up0", share: 1e9 };

/** A node whose dumps and announcements the test makes. */
class FakeNode implements Disposable {
  readonly inventory: Inventory;
  readonly #watch: NodeWatch;
  #announce: (event: LinkEvent) => void = () => {};
  #overrun: () => void = () => {};
  #dump: () => Promise<Dump> = async () => ({ links: [], isInconsistent: false });

  constructor(pool: PoolConfig, root = "/nowhere") {
    const kernel = {
      linkEvents: {
        onChange: (announce: (event: LinkEvent) => void, overrun: () => void) => {
          this.#announce = announce;
          this.#overrun = overrun;
          return () => {};
        },
      },
      host: {
        links: { list: () => this.#dump() },
        routes: { list: async () => ({ routes: [], isInconsistent: false }) },
        devlink: { devices: { list: async () => [] } },
      },
    } as unknown as Kernel;
    const log = pino({ level: "silent" });
    const uevents = { listen: () => () => {} } as unknown as UeventMonitor;
    const defaultRoutes = { onChange: () => () => {} } as unknown as DefaultRouteMonitor;
    this.#watch = new NodeWatch({ kernel, uevents, defaultRoutes, root, log });
    const uses = { uses: () => [], isComplete: true, onChange: () => () => {} };
    const held = { heldLinks: () => new Set<string>() };
    this.inventory = new Inventory({ node: this.#watch, pools: [pool], held, uses, log });
  }

  /** Reads the node, and forms the pools from then on. */
  async start(): Promise<void> {
    await this.#watch.start();
    this.inventory.start();
  }

  stop(): void {
    this.#watch.stop();
    this.inventory.stop();
  }

  get deviceIds(): string[] {
    const [{ devices }] = this.inventory.pools() as [Pool];
    return devices.map(({ id }) => id).sort();
  }

  /** What the dumps give from now on. */
  has(links: readonly Link[], isInconsistent = false): void {
    this.#dump = async () => ({ links, isInconsistent });
  }

  /** The next dumps take until the test gives their answer. */
  holdDump(): (links: readonly Link[]) => void {
    let answer: (dump: Dump) => void = () => {};
    const dump = new Promise<Dump>((resolve) => {
      answer = resolve;
    });
    this.#dump = () => dump;
    return (links) => answer({ links, isInconsistent: false });
  }

  announce(change: "present" | "gone", link: Link, namespaceId?: number): void {
    this.#announce({ change, link, namespaceId });
  }

  loseAnnouncements(): void {
    this.#overrun();
  }

  becomes(what: string, isRight: () => boolean): Promise<void> {
    return within(what, (settle) => {
      const look = () => {
        if (isRight()) settle();
      };
      const unsubscribe = this.inventory.onChange(look);
      look();
      return unsubscribe;
    });
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

function makeLink(index: number, name: string, more: Partial<Link> = {}): Link {
  return { ...(decodeLink(new Uint8Array(16)) as Link), index, name, isUp: true, hasCarrier: true, ...more };
}

const [nic0, nic1, nic2] = [makeLink(2, "nic0"), makeLink(3, "nic1"), makeLink(4, "nic2")] as const;

test("what is announced while a dump is under way is younger than the dump", PATIENCE, async () => {
  using node = new FakeNode(nics);
  const answer = node.holdDump();
  const started = node.start();
  node.announce("gone", nic0);
  node.announce("present", { ...nic1, name: "other1" });
  node.announce("present", nic2);
  answer([nic0, nic1]);
  await started;
  assert.deepEqual(node.deviceIds, ["nic2"]);
});

test("what was announced before a dump is corrected by it", PATIENCE, async () => {
  using node = new FakeNode(nics);
  node.has([nic0]);
  await node.start();
  node.announce("present", nic1);
  await node.becomes("nic1", () => node.deviceIds.length === 2);
  // The announcements of these two were lost.
  node.has([nic0, nic2]);
  node.loseAnnouncements();
  await node.becomes("nic2 instead of nic1", () => node.deviceIds.join() === "nic0,nic2");
});

test("a link that an inconsistent dump lacks is not taken for gone", PATIENCE, async () => {
  using node = new FakeNode(nics);
  node.has([nic0, nic1]);
  await node.start();
  node.has([nic0, nic2], true);
  node.loseAnnouncements();
  await node.becomes("nic2", () => node.deviceIds.includes("nic2"));
  assert.deepEqual(node.deviceIds, ["nic0", "nic1", "nic2"]);
  node.announce("gone", nic1);
  await node.becomes("nic1 gone", () => !node.deviceIds.includes("nic1"));
});

test("a burst that does not end does not keep the pools from being formed", PATIENCE, async () => {
  using node = new FakeNode(nics);
  await node.start();
  const burst = setInterval(() => node.announce("present", makeLink(9, "noise")), 1);
  try {
    node.announce("present", nic0);
    await node.becomes("nic0", () => node.deviceIds.length === 1);
  } finally {
    clearInterval(burst);
  }
});

test("a change in another namespace is none of the node's", PATIENCE, async () => {
  using node = new FakeNode(nics);
  node.has([nic0]);
  await node.start();
  node.announce("gone", nic0, 3);
  node.announce("present", nic1);
  await node.becomes("nic1", () => node.deviceIds.length === 2);
});

test("facts that were read before the carrier came are read again", PATIENCE, async () => {
  using gates = new Gates();
  const gate = gates.make();
  const speed = join(gates.folder, "sys/class/net/up0/speed");
  mkdirSync(join(gates.folder, "sys/class/net/up0"), { recursive: true });
  // The first look at the speed takes until the gate is opened.
  if (gate.job.do === "readFile") symlinkSync(gate.job.path, speed);
  using node = new FakeNode(shares, gates.folder);
  const down = makeLink(2, "up0", { hasCarrier: false });
  node.has([down]);
  const started = node.start();
  await gate.reached(started);
  node.announce("present", { ...down, hasCarrier: true });
  writeFileSync(`${speed}.new`, "2000\n");
  renameSync(`${speed}.new`, speed);
  gate.open("-1\n");
  await started;
  await node.becomes("two shares", () => node.deviceIds.length === 2);
});

test(
  "an inventory that was stopped while it started tells nothing and does nothing more",
  PATIENCE,
  async () => {
    using node = new FakeNode(nics);
    const answer = node.holdDump();
    const started = node.start();
    let changes = 0;
    node.inventory.onChange(() => {
      changes += 1;
    });
    node.stop();
    answer([nic0]);
    await started;
    await delay(0);
    assert.deepEqual([changes, node.deviceIds], [0, []]);
  },
);

test("nothing is told when nothing has changed for the kubelet", PATIENCE, async () => {
  using node = new FakeNode(nics);
  node.has([nic0]);
  await node.start();
  let changes = 0;
  node.inventory.onChange(() => {
    changes += 1;
  });
  node.announce("present", { ...nic0, mtu: 9000 });
  node.announce("present", makeLink(7, "noise"));
  node.announce("present", nic1);
  await node.becomes("nic1", () => node.deviceIds.length === 2);
  assert.equal(changes, 1);
  assert.equal(node.inventory.findDevice(NICS, "nic1")?.link, "nic1");
});
