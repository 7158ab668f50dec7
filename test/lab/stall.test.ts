import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import test from "node:test";
import koffi from "koffi";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { LoopWatch } from "../kernel/loop-watch.ts";
import { World } from "../kernel/world.ts";
import { Netdevsim } from "./guest.ts";

/** Longest that the main thread may wait, in milliseconds. */
const LONGEST_WAIT = 20;
/** How long the driver must have held the lock, in milliseconds. */
const LONG = 2000;

/**
 * The self-test of igb sleeps for five seconds and then for four, all with RTNL held (igb_link_test and igb_diag_test,
 * drivers/net/ethernet/intel/igb/igb_ethtool.c). Only the second sleep can be cut short.
 */
const SELF_TEST = ["-t", "eth0", "online"];

const PATIENCE = { timeout: 120_000 };

test("while a driver holds RTNL for two seconds, the main thread never waits 20 ms", PATIENCE, async (t) => {
  await using world = new World();
  const { kernel } = world;
  const { host } = kernel;
  using device = new Netdevsim(25);
  device.vfCount = 4;
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "net1", of: { kind: "dummy" } });
  const { index } = await pod.links.get("net1");
  const card = await host.links.get("eth0");
  const simulated = await host.links.get(device.linkNames[0] as string);
  const { pciAddress = "" } = await readNetDevice("/sys", "eth0");
  await host.links.set(card.index, { isUp: true });
  world.defer(() => host.links.set(card.index, { isUp: false }));

  let requests = 0;
  /** Everything that takes the lock, and what the agent does beside it. */
  const ask = async () => {
    const asked = [
      pod.links.set(index, { mtu: 1000 + (requests % 400) }),
      pod.links.get(index),
      pod.links.list(),
      pod.addresses.replace(index, "10.0.0.1/24"),
      pod.routes.list(),
      pod.qdiscs.list(index),
      host.links.list(),
      host.vfs.list(simulated.index, { withStatistics: true }),
      host.vfs.set(simulated.index, 1, { isTrusted: true }),
      host.ethtool.linkModes.get("eth0"),
      host.ethtool.driverStatistics("eth0"),
      host.devlink.ports.list(),
      kernel.pci.get(pciAddress),
      readNetDevice("/sys", "eth0"),
      kernel.makeNamespace().then((made) => made[Symbol.asyncDispose]()),
    ];
    requests += asked.length;
    await Promise.all(asked);
  };
  // Threads are started and code is loaded once, from files that the guest reads slowly.
  await ask();

  const driver = spawn("ethtool", SELF_TEST, { stdio: "ignore", timeout: LONG + 500, killSignal: "SIGKILL" });
  const ended = once(driver, "exit");
  world.defer(async () => void (await ended));
  // Time the thread ran or was ready to run, so that it does not matter how slowly the emulated processor runs it; a call
  // that waits for the kernel shows in its whole length, which is seconds while a driver holds its lock.
  await using waits = new LoopWatch({ excused: readBusyTime, slowness: 8 });
  let longestRequest = 0;
  while (longestRequest < LONG) {
    const hasEnded = driver.exitCode !== null || driver.signalCode !== null;
    assert.ok(!hasEnded, `the self-test has ended; the longest request took ${longestRequest} ms`);
    const sent = performance.now();
    await ask();
    longestRequest = Math.max(longestRequest, performance.now() - sent);
  }
  const { longest, longestGap } = waits;
  t.diagnostic(
    `${requests} requests, the longest ${longestRequest.toFixed(0)} ms; the main thread waited for ` +
      `${longest.toFixed(1)} ms at most, in all its loop stood still for ${longestGap.toFixed(1)} ms`,
  );
  assert.ok(longest < LONGEST_WAIT, `the main thread waited for ${longest} ms`);
  // Where the kernel has the caller try again instead of sleep, that looks like work, and lasts as long as the lock.
  assert.ok(longestGap < LONG / 2, `the event loop stood still for ${longestGap} ms`);
});

const schedYield: () => number = koffi.load(null).func("int sched_yield()");

/**
 * Milliseconds the main thread has run, or was ready to (Documentation/scheduler/sched-stats.rst, first two fields). What
 * it has run since the processor's last tick is counted when it yields.
 */
function readBusyTime(): number {
  schedYield();
  const [ran = "", waited = ""] = readFileSync("/proc/self/schedstat", "utf8").split(" ");
  return (Number(ran) + Number(waited)) / 1e6;
}
