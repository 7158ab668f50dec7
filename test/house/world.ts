import { findPrivateWorld, type PrivateWorld } from "../../src/linux/private-world.ts";

/** The world that tests and benchmarks run in. Should the runner be killed, its world ends with it. */
export function findWorld(ways?: readonly (readonly string[])[]): PrivateWorld {
  return findPrivateWorld({ hasOwnRun: true, diesWithParent: true, ...(ways === undefined ? {} : { ways }) });
}
