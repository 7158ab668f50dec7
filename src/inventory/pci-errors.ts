import type { PciErrorCounts } from "../linux/sysfs/function-facts.ts";

/** How long an uncorrectable error counts, in milliseconds. */
const REMEMBERED_MS = 5 * 60_000;

interface Rise {
  readonly at: number;
  readonly errors: number;
}

/**
 * Uncorrectable PCI errors of the last five minutes. The kernel only counts them, from the start of the machine on: what
 * was there when a function was first seen is old.
 */
export class PciErrorLog {
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  readonly #rises = new Map<string, Rise[]>();

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes the counts of a function as they are now. */
  note(address: string, { fatal, nonFatal }: PciErrorCounts): void {
    const count = fatal + nonFatal;
    const errors = count - (this.#counts.get(address) ?? count);
    this.#counts.set(address, count);
    if (errors <= 0) return;
    this.#rises.set(address, [...(this.#rises.get(address) ?? []), { at: this.#now(), errors }]);
  }

  /** How many were counted lately, by PCI address; functions without any are left out. */
  recent(): ReadonlyMap<string, number> {
    const since = this.#now() - REMEMBERED_MS;
    for (const [address, rises] of this.#rises) {
      const left = rises.filter(({ at }) => at > since);
      if (left.length === 0) this.#rises.delete(address);
      else this.#rises.set(address, left);
    }
    return new Map(
      [...this.#rises].map(([address, rises]) => [
        address,
        rises.reduce((sum, { errors }) => sum + errors, 0),
      ]),
    );
  }
}
