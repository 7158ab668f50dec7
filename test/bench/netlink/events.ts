import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Kernel } from "../../../src/linux/kernel.ts";
import { LinkEvents } from "../../../src/linux/link-events.ts";
import { LinkTable } from "../../../src/linux/link-table.ts";
import { EventHub } from "../../../src/linux/netlink/events.ts";
import type { Benchmark, Row } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median } from "../statistics.ts";
import { makeVethPairs } from "./many-links.ts";

const EVENTS = 20_000;
const BLOCKED_MS = 200;
const TURNS = 3;
/** The kernel's least buffer holds one announcement. */
const TINY_BUFFER = 1;
const LAST_MTU = 9000;

/** A burst of link announcements that meets a receiver which is busy with something else. */
export const events: Benchmark = {
  name: "events",
  description: `${EVENTS} link events while the receiver is blocked for ${BLOCKED_MS} ms; wrong or lost is a failure`,

  async run() {
    using _ = makeVethPairs(1);
    const rows: Row[] = [];
    for (const [name, buffer] of [
      ["product's buffer", undefined],
      ["tiny buffer", TINY_BUFFER],
    ] as const) {
      const turns: Burst[] = [];
      for (let turn = 0; turn < TURNS; turn++) turns.push(await measureBurst(buffer));
      const lossless = buffer === undefined;
      for (const { received, resyncs } of turns) {
        if (lossless && (resyncs !== 0 || received < EVENTS)) {
          throw new Error(`${received} of ${EVENTS} events came with the ${name}, ${resyncs} resyncs`);
        }
        if (!lossless && resyncs === 0) throw new Error(`the ${name} did not overrun, or was not counted`);
      }
      const row = (measure: string, unit: string, pick: (turn: Burst) => number) =>
        makeRow({
          benchmark: events.name,
          measure: `${name}, ${measure}`,
          unit,
          ours: median(turns.map(pick)),
        });
      rows.push(
        row("CPU per event", "us", ({ cpu }) => cpu),
        row("events received", "events", ({ received }) => received),
        row("resyncs", "resyncs", ({ resyncs }) => resyncs),
      );
    }
    return rows;
  },
};

interface Burst {
  /** Microseconds of CPU time of this process for each event sent. */
  readonly cpu: number;
  readonly received: number;
  readonly resyncs: number;
}

/** Follows the links through one burst. Fails when the state at its end is not the kernel's. */
async function measureBurst(receiveBuffer: number | undefined): Promise<Burst> {
  const kernel = new Kernel();
  const hub = new EventHub(receiveBuffer);
  const { links } = kernel.host;
  try {
    const { index } = await links.get("many0");
    await links.set(index, { mtu: 1000 });
    let received = 0;
    let failure: unknown;
    let look = () => {};
    const table = new LinkTable({
      links,
      events: new LinkEvents(hub),
      onChange: () => {
        received += 1;
        look();
      },
      onResync: () => look(),
      onError: (error) => {
        failure = error;
        look();
      },
    });
    await table.start();
    const settled = new Promise<void>((resolve) => {
      look = () => {
        if (failure !== undefined || table.links.get(index)?.mtu === LAST_MTU) resolve();
      };
    });
    received = 0;
    const before = process.cpuUsage();
    const burst = sendBurst();
    // The receiver stands still, as if something else took the thread.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
    await Promise.all([settled, burst]);
    const { user, system } = process.cpuUsage(before);
    if (failure !== undefined) throw failure;
    const { resyncs } = table;
    table.stop();
    return { cpu: (user + system) / EVENTS, received, resyncs };
  } finally {
    hub.close();
    await kernel.stop();
  }
}

/** Another process changes one link so often that this many events come of it; each change is one event. */
async function sendBurst(): Promise<void> {
  const child: ChildProcess = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(child, "exit");
  const lines = Array.from(
    { length: EVENTS - 1 },
    (_, number) => `link set many0 mtu ${1001 + (number % 2)}`,
  );
  child.stdin?.end(`${[...lines, `link set many0 mtu ${LAST_MTU}`].join("\n")}\n`);
  const [code] = await ended;
  if (code !== 0) throw new Error(`ip -batch ended with ${code}`);
}
