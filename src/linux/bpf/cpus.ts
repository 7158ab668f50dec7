import { readFileSync } from "node:fs";
import { LanyardError } from "../../model/errors.ts";

const POSSIBLE_CPUS = "/sys/devices/system/cpu/possible";

/**
 * How many CPUs there may ever be: the kernel writes as many values for a key of a per-CPU map, whatever room was left
 * for them. Throws LanyardError when that cannot be found out.
 */
export function countPossibleCpus(): number {
  const list = readFileSync(POSSIBLE_CPUS, "utf8");
  const count = countCpus(list);
  if (count !== undefined) return count;
  throw new LanyardError("internal", `${POSSIBLE_CPUS} says "${list.trim()}", which is no list of CPUs`);
}

/** Counts a list such as `0-3,8`; undefined when it is none. */
export function countCpus(list: string): number | undefined {
  const ranges = list.trim().split(",");
  if (!ranges.every((range) => /^\d+(-\d+)?$/.test(range))) return undefined;
  return ranges.reduce((count, range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return count + last - first + 1;
  }, 0);
}
