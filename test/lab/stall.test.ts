import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Worker } from "node:worker_threads";
import koffi from "koffi";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
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
  await using waits = new WaitWatch();
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

/** A thread that does nothing but count its ticks: while it does not, the whole machine stands still. */
const CONTROL = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => Atomics.add(new Int32Array(workerData), 0, 1), 1);`;

/**
 * Measures how long the main thread waits for something else than its next event: the time between two ticks, without
 * what the timer waits anyway, without the time it ran, and without the time it was ready to run. So it does not matter
 * how slowly the emulated processor runs what the thread does; a call that waits for the kernel shows in its whole
 * length, which is seconds while a driver holds its lock. A gap in which a thread that asks for nothing hardly ticked
 * either is the machine's and does not count.
 */
class WaitWatch implements AsyncDisposable {
  static readonly #TICK_MS = 1;
  readonly #controlTicks = new Int32Array(new SharedArrayBuffer(4));
  readonly #control = new Worker(CONTROL, { eval: true, workerData: this.#controlTicks.buffer });
  #longest = 0;
  #longestGap = 0;
  #last = performance.now();
  #lastBusy = readBusyTime();
  #lastTicks = 0;
  readonly #timer = setInterval(() => this.#tick(), WaitWatch.#TICK_MS);

  /** The longest wait so far, in milliseconds. */
  get longest(): number {
    return this.#longest;
  }

  /** The longest gap between two ticks so far, whatever filled it, in milliseconds. */
  get longestGap(): number {
    return this.#longestGap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#control.terminate();
  }

  #tick(): void {
    const now = performance.now();
    const busy = readBusyTime();
    const ticks = Atomics.load(this.#controlTicks, 0);
    const gap = now - this.#last - WaitWatch.#TICK_MS;
    this.#longestGap = Math.max(this.#longestGap, gap);
    const isOurs = ticks - this.#lastTicks > gap / (8 * WaitWatch.#TICK_MS);
    if (isOurs) this.#longest = Math.max(this.#longest, gap - (busy - this.#lastBusy));
    this.#last = now;
    this.#lastBusy = busy;
    this.#lastTicks = ticks;
  }
}

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
