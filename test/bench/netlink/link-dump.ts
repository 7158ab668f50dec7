import { execFileSync } from "node:child_process";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Benchmark } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median } from "../statistics.ts";
import { CPeer, readIproute2Name } from "./c-peer.ts";
import { makeVethPairs } from "./many-links.ts";

const PAIRS = 250;
const C_BAR = 1.6;
const IP_BAR = 0.25;
const WARM_UP = 100;
const TURNS = 12;
const DUMPS_PER_TURN = 100;

/** All links of a namespace, as the product reads them: with the hop to a worker, and decoded. */
export const linkDump: Benchmark = {
  name: "link-dump",
  description: `${2 * PAIRS} links read and decoded, as called, beside C and beside ip -j link`,

  async run({ folder }) {
    const peer = new CPeer(folder);
    const program = readIproute2Name();
    using _ = makeVethPairs(PAIRS);
    const kernel = new Kernel();
    try {
      const links = 1 + 2 * PAIRS;
      const times = { ours: [] as number[], c: [] as number[], ip: [] as number[] };
      for (let round = 0; round < WARM_UP; round++) await kernel.host.links.list();
      for (let turn = 0; turn < TURNS; turn++) {
        times.c.push(median(peer.measure(links, "dump", String(DUMPS_PER_TURN))) / 1000);
        const ours: number[] = [];
        for (let round = 0; round < DUMPS_PER_TURN; round++) {
          const start = performance.now();
          const { links: read } = await kernel.host.links.list();
          ours.push(performance.now() - start);
          if (read.length !== links) throw new Error(`${read.length} links were read where ${links} are`);
        }
        times.ours.push(median(ours));
        const start = performance.now();
        const text = execFileSync("ip", ["-j", "link"], { encoding: "utf8", maxBuffer: 64 << 20 });
        times.ip.push(performance.now() - start);
        const told = (JSON.parse(text) as unknown[]).length;
        if (told !== links) throw new Error(`ip told of ${told} links where ${links} are`);
      }
      const row = (theirs: readonly number[], name: string, bar: number) =>
        makeRow({
          benchmark: linkDump.name,
          measure: `${2 * PAIRS} links, median`,
          unit: "ms",
          ours: median(times.ours),
          peer: { name, value: median(theirs) },
          bar,
        });
      return [row(times.c, peer.name, C_BAR), row(times.ip, `${program}, ip -j link`, IP_BAR)];
    } finally {
      await kernel.stop();
    }
  },
};
