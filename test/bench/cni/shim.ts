import type { Benchmark } from "../benchmark.ts";
import { Launcher, type Order } from "../plugins/launcher.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { SHIM } from "./our-side.ts";

const WARM_UP = 20;
const ROUNDS = 200;
const BAR = 2;

const VERSION: Order = {
  program: SHIM,
  environment: { CNI_COMMAND: "VERSION", CNI_PATH: "/opt/cni/bin" },
  input: JSON.stringify({ cniVersion: "1.1.0" }),
};
const NOTHING: Order = { program: "/bin/true", environment: {}, input: "" };

/** What it costs to start the plugin's program, beside the least that a process costs. */
export const shim: Benchmark = {
  name: "shim",
  description: "the plugin's program answering VERSION, from fork to exit, beside /bin/true",

  async run({ folder }) {
    await using launcher = new Launcher(folder);
    const [ours, peer]: [number[], number[]] = [[], []];
    for (let round = 0; round < WARM_UP + ROUNDS; round++) {
      const turns = [[VERSION, ours] as const, [NOTHING, peer] as const];
      for (const [order, samples] of round % 2 === 0 ? turns : turns.reverse()) {
        const { code, output, milliseconds } = await launcher.run(order);
        const isRight = code === 0 && (order === NOTHING || output.includes("supportedVersions"));
        if (!isRight) throw new Error(`${order.program} ended with ${code}: ${output}`);
        if (round >= WARM_UP) samples.push(milliseconds);
      }
    }
    const row = (measure: string, reduce: (samples: readonly number[]) => number, bar?: number) =>
      makeRow({
        benchmark: shim.name,
        measure: `VERSION, ${measure}`,
        unit: "ms",
        ours: reduce(ours),
        peer: { name: "/bin/true", value: reduce(peer) },
        ...(bar !== undefined && { bar }),
      });
    return [row("median", median, BAR), row("p90", (samples) => quantile(samples, 0.9))];
  },
};
