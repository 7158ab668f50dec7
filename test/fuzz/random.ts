/** Numbers that only depend on what they were seeded with (mulberry32): the same input in every run. */
export class Random {
  #state: number;

  /** @param seed and `number`: every pair gives numbers of its own */
  constructor(seed: number, number = 0) {
    const low = Math.imul((number >>> 0) + 1, 0x9e3779b1);
    const high = Math.imul(Math.floor(number / 0x1_0000_0000) + 1, 0x85ebca6b);
    this.#state = Math.imul(seed ^ low ^ high, 0xc2b2ae35) | 0;
    this.below(2);
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
