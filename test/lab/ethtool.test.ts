import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import test, { after } from "node:test";
import { EINVAL, EOPNOTSUPP } from "../../src/linux/errno.ts";
import { isErrno } from "../../src/linux/netlink/error.ts";
import { nextEvent, World } from "../kernel/world.ts";
import { loadModule, Netdevsim } from "./guest.ts";

const PATIENCE = { timeout: 60_000 };

/** One for all tests: its threads take seconds to start in the guest. */
const world = new World();
after(() => world[Symbol.asyncDispose]());
const { kernel } = world;
const { ethtool, links } = kernel.host;

/** The two emulated cards, which one wire joins. */
const cards = readdirSync("/sys/class/net").filter((name) => driverOf(name) === "igb");
const card = cards[0] as string;

function driverOf(link: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${link}/device/driver`));
  } catch {
    return undefined;
  }
}

function sysfs(link: string, path: string): string {
  return readFileSync(`/sys/class/net/${link}/${path}`, "utf8").trim();
}

/** Sets both ends of the wire up or down. */
async function setCards(isUp: boolean): Promise<void> {
  for (const name of cards) await links.set((await links.get(name)).index, { isUp });
}

/** Does something after which the card's carrier comes, and waits for it. */
async function waitForCarrier(start: () => Promise<void>): Promise<void> {
  const { index } = await links.get(card);
  const came = nextEvent(
    kernel.linkEvents,
    `the carrier of ${card}`,
    ({ link }) => link.index === index && link.hasCarrier,
  );
  await start();
  await came;
}

test("a card's driver is told as sysfs knows it, with firmware and PCI address", PATIENCE, async () => {
  const { driver, firmware, bus } = await ethtool.driver(card);
  assert.equal(driver, "igb");
  assert.equal(bus, basename(readlinkSync(`/sys/class/net/${card}/device`)));
  assert.match(firmware, /\d/);
});

test("a card that is down has no carrier, and tells what it supports", PATIENCE, async () => {
  const modes = await ethtool.linkModes.get(card);
  assert.equal(modes.isNegotiating, true);
  for (const mode of ["100baseT/Full", "1000baseT/Full", "Autoneg", "TP"]) {
    assert.ok(modes.supported.includes(mode) && modes.advertised.includes(mode), mode);
  }
  assert.equal(await ethtool.linkModes.port(card), "twisted-pair");
  assert.deepEqual(await ethtool.linkState(card), { hasCarrier: false });
});

test("a card with a carrier has the speed and duplex that sysfs shows", PATIENCE, async () => {
  await waitForCarrier(() => setCards(true));
  const { speed, duplex } = await ethtool.linkModes.get(card);
  assert.deepEqual([speed, duplex], [Number(sysfs(card, "speed")) * 1e6, sysfs(card, "duplex")]);
  assert.deepEqual([speed, duplex], [1e9, "full"]);
  assert.deepEqual(await ethtool.linkState(card), { hasCarrier: true });
});

test("a card that does not negotiate offers nothing, until it negotiates again", PATIENCE, async () => {
  const before = await ethtool.linkModes.get(card);
  await ethtool.linkModes.set(card, { speed: 100e6, duplex: "full", isNegotiating: false });
  const fixed = await ethtool.linkModes.get(card);
  assert.equal(fixed.isNegotiating, false);
  assert.deepEqual(fixed.advertised, ["TP", "Pause"]);
  // The emulated card tells no speed that it was set to.
  assert.deepEqual([fixed.speed, sysfs(card, "speed")], [undefined, "-1"]);
  const modes = before.advertised.filter((mode) => mode.includes("base"));
  await ethtool.linkModes.set(card, {
    isNegotiating: true,
    advertised: Object.fromEntries(modes.map((mode) => [mode, true])),
  });
  const after = await ethtool.linkModes.get(card);
  assert.deepEqual([after.isNegotiating, after.advertised], [true, before.advertised]);
  await setCards(false);
});

test("speed and duplex are what a link was set to that keeps them", PATIENCE, async () => {
  loadModule("tun");
  execFileSync("ip", ["tuntap", "add", "dev", "tap22", "mode", "tap"]);
  try {
    execFileSync("ip", ["link", "set", "tap22", "up"]);
    await ethtool.linkModes.set("tap22", { speed: 2.5e9, duplex: "half", isNegotiating: false });
    const { speed, duplex, isNegotiating } = await ethtool.linkModes.get("tap22");
    assert.deepEqual([speed, duplex, isNegotiating], [2.5e9, "half", false]);
    assert.deepEqual([sysfs("tap22", "duplex"), sysfs("tap22", "speed")], ["half", "2500"]);
  } finally {
    execFileSync("ip", ["link", "delete", "tap22"]);
  }
});

test("modes are offered to the peer or not, each by its name", PATIENCE, async () => {
  const { advertised } = await ethtool.linkModes.get(card);
  await ethtool.linkModes.set(card, { isNegotiating: true, advertised: { "10baseT/Half": false } });
  const without = await ethtool.linkModes.get(card);
  assert.deepEqual(
    without.advertised,
    advertised.filter((mode) => mode !== "10baseT/Half"),
  );
  await ethtool.linkModes.set(card, { isNegotiating: true, advertised: { "10baseT/Half": true } });
  assert.deepEqual((await ethtool.linkModes.get(card)).advertised, advertised);
  await assert.rejects(
    ethtool.linkModes.set(card, { advertised: { "9baseT/Full": true } }),
    /bit name not found/,
  );
});

test("a card's rings are set and read back", PATIENCE, async () => {
  const before = await ethtool.rings.get(card);
  assert.deepEqual(before, { receive: 256, transmit: 256, most: { receive: 4096, transmit: 4096 } });
  await ethtool.rings.set(card, { receive: 512, transmit: 128 });
  assert.deepEqual(await ethtool.rings.get(card), { ...before, receive: 512, transmit: 128 });
  await ethtool.rings.set(card, { receive: 256, transmit: 256 });
  await assert.rejects(ethtool.rings.set(card, { receive: 8192 }), (error) => {
    assert.ok(isErrno(error, EINVAL));
    assert.match(error.message, /requested ring size exceeds maximum/);
    return true;
  });
});

test("a card's channels are its queues", PATIENCE, async () => {
  const queues = () =>
    readdirSync(`/sys/class/net/${card}/queues`).filter((name) => name.startsWith("rx-")).length;
  // A card that is down has the queues it had when it was up.
  await setCards(true);
  const before = await ethtool.channels.get(card);
  assert.deepEqual([before.combined, before.most], [queues(), { other: 1, combined: 8 }]);
  await ethtool.channels.set(card, { combined: 4 });
  assert.equal((await ethtool.channels.get(card)).combined, 4);
  assert.equal(queues(), 4);
  await ethtool.channels.set(card, { combined: before.combined ?? 1 });
  assert.equal(queues(), before.combined);
  await setCards(false);
});

test("a card's features are switched by name, with what follows from it", PATIENCE, async () => {
  const before = await ethtool.features.get(card);
  assert.ok(before.hardware.includes("tx-tcp-segmentation") && before.active.includes("tx-tcp-segmentation"));
  assert.ok(before.known.includes("hw-tc-offload") && !before.hardware.includes("hw-tc-offload"));
  const { refused, changed } = await ethtool.features.set(card, { "tx-scatter-gather": false });
  assert.deepEqual(
    [refused, changed["tx-scatter-gather"], changed["tx-tcp-segmentation"]],
    [[], false, false],
  );
  assert.ok(!(await ethtool.features.get(card)).active.includes("tx-tcp-segmentation"));
  await ethtool.features.set(card, { "tx-scatter-gather": true });
  assert.deepEqual((await ethtool.features.get(card)).active, before.active);
  const denied = await ethtool.features.set(card, { "hw-tc-offload": true });
  assert.deepEqual(denied, { refused: ["hw-tc-offload"], changed: {} });
});

test("a card's own counters have the values sysfs shows", PATIENCE, async () => {
  await waitForCarrier(() => setCards(true));
  const { index, mac = "" } = await links.get(card);
  await kernel.host.packets.announce(index, ["192.0.2.1"], mac);
  // What sysfs shows is the sum over the queues (igb_update_stats, drivers/net/ethernet/intel/igb/igb_main.c); the
  // driver's own tx_packets is the card's register, which also counts what a queue has not heard of yet.
  const names = ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "multicast", "rx_errors"];
  const readSysfs = () => names.map((name) => Number(sysfs(card, `statistics/${name}`)));
  let told: ReadonlyMap<string, number> = new Map();
  // What the card has sent is counted when it says so.
  while (!((told.get("tx_packets") ?? 0) > 0)) {
    // Packets of the other card may come in between.
    const before = readSysfs();
    const statistics = await ethtool.driverStatistics(card);
    const after = readSysfs();
    told = new Map(names.map((name) => [name, countOf(statistics, name)]));
    for (const [at, [name, value]] of [...told].entries()) {
      const [least, most] = [before[at] ?? 0, after[at] ?? 0];
      assert.ok(value >= least && value <= most, `${name}: ${value} is not from ${least} to ${most}`);
    }
    assert.ok(statistics.tx_queue_0_packets !== undefined);
  }
  assert.deepEqual(await ethtool.standardStatistics(card), []);
  await setCards(false);
});

/** The sum over the queues of a card where it counts something for each, as `tx_queue_0_packets`. */
function countOf(statistics: Readonly<Record<string, number>>, name: string): number {
  const [direction, what] = name.split("_");
  const queues = new RegExp(`^${direction}_queue_\\d+_${what}$`);
  const ofQueues = Object.entries(statistics).filter(([counter]) => queues.test(counter));
  if (ofQueues.length === 0) return statistics[name] ?? -1;
  return ofQueues.reduce((sum, [, count]) => sum + count, 0);
}

test("a card pauses its peer, and corrects no errors", PATIENCE, async () => {
  assert.deepEqual(await ethtool.pause(card), {
    isNegotiating: true,
    isReceiving: true,
    isTransmitting: true,
  });
  await assert.rejects(ethtool.forwardErrorCorrection(card), (error) => isErrno(error, EOPNOTSUPP));
});

test("netdevsim's channels, rings and features are set and read back", PATIENCE, async () => {
  using device = new Netdevsim(22);
  const link = device.linkNames[0] as string;
  assert.equal((await ethtool.driver(link)).driver, "netdevsim");
  assert.deepEqual(await ethtool.channels.get(link), { combined: 4, most: { combined: 4 } });
  await ethtool.channels.set(link, { combined: 2 });
  assert.equal((await ethtool.channels.get(link)).combined, 2);

  const sizes = { receive: 64, receiveMini: 32, receiveJumbo: 16, transmit: 8 };
  await ethtool.rings.set(link, sizes);
  const { most, ...set } = await ethtool.rings.get(link);
  assert.deepEqual(set, sizes);
  assert.deepEqual(most, { receive: 4096, receiveMini: 4096, receiveJumbo: 4096, transmit: 4096 });

  assert.ok((await ethtool.features.get(link)).hardware.includes("hw-tc-offload"));
  assert.deepEqual((await ethtool.features.set(link, { "hw-tc-offload": true })).changed, {
    "hw-tc-offload": true,
  });
  assert.ok((await ethtool.features.get(link)).active.includes("hw-tc-offload"));
  assert.deepEqual(await ethtool.forwardErrorCorrection(link), { modes: [], isAutomatic: false });
  await assert.rejects(ethtool.linkModes.get(link), (error) => isErrno(error, EOPNOTSUPP));
});
