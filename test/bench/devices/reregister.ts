import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { monotonicNow } from "../../../src/demo/clock.ts";
import type { Benchmark } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { Companion } from "./companion.ts";
import type { DoorOrders } from "./door-process.ts";
import type { FolderWatcherOrders } from "./folder-watcher-process.ts";
import { BareKubelet } from "./kubelet.ts";
import { POOLS } from "./layout.ts";
import { makeLimitedRow } from "./limit.ts";

const LIMIT_MS = 50;
const ROUNDS = 20;

/** From a kubelet's socket to the plugins' Register, beside what of it is the kernel's way of telling. */
export const reregister: Benchmark = {
  name: "reregister",
  description: `a kubelet that starts again: from its socket's coming to the Register of ${POOLS} pools, beside a plain fs.watch`,

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const [plugins, watched] = ["device-plugins", "watched"].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    for (const each of [plugins, watched]) mkdirSync(each);
    const program = (name: string) => join(import.meta.dirname, name);
    const door = stack.use(
      new Companion<DoorOrders>(program("door-process.ts"), plugins, join(folder, "device-info")),
    );
    const watcher = stack.use(
      new Companion<FolderWatcherOrders>(program("folder-watcher-process.ts"), watched),
    );
    await door.ask("offer");
    // The first time is a start and no restart.
    await measureDoor(plugins);
    await measureWatcher(watcher, watched);
    const first: number[] = [];
    const last: number[] = [];
    const told: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const took = await measureDoor(plugins);
      first.push(Math.min(...took));
      last.push(Math.max(...took));
      told.push(await measureWatcher(watcher, watched));
    }
    const of = (measure: string, ours: number) => ({ benchmark: reregister.name, measure, unit: "ms", ours });
    const peer = (value: number) => ({ peer: { name: "fs.watch alone", value } });
    const worst = (samples: readonly number[]) => quantile(samples, 1);
    return [
      makeLimitedRow(of(`all ${POOLS} pools, median`, median(last)), LIMIT_MS),
      makeLimitedRow(of(`all ${POOLS} pools, worst`, worst(last)), LIMIT_MS),
      makeRow({ ...of("first pool, median", median(first)), ...peer(median(told)) }),
      makeRow({ ...of("first pool, worst", worst(first)), ...peer(worst(told)) }),
    ];
  },
};

/** One kubelet from its start to its end. Milliseconds from its socket's coming to each Register. */
async function measureDoor(folder: string): Promise<number[]> {
  await using kubelet = new BareKubelet(folder);
  await kubelet.start();
  // Until the lists are there, so that the end of this one meets plugins that are at rest.
  const plugins = await kubelet.until(`lists of ${POOLS} pools`, () => {
    const told = [...kubelet.plugins.values()].filter(({ list }) => list !== undefined);
    return told.length === POOLS ? told : undefined;
  });
  return plugins.map(({ registeredAt }) => registeredAt - kubelet.listeningAt);
}

/** The same of a process that only tells of the socket, from its coming to the report of it. */
async function measureWatcher(watcher: Companion<FolderWatcherOrders>, folder: string): Promise<number> {
  await using kubelet = new BareKubelet(folder);
  const [reportedAt] = await Promise.all([
    watcher.ask("nextSocket").then(monotonicNow),
    watcher.ask("isReady").then(() => kubelet.start()),
  ]);
  return reportedAt - kubelet.listeningAt;
}
