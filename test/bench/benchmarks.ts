import type { Benchmark } from "./benchmark.ts";

/** Every benchmark by its name, loaded when it is run. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  attach: async () => (await import("./attach/attach.ts")).attach,
};
