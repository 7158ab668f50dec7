import { mutate } from "./mutator.ts";
import { Random } from "./random.ts";

/** A decoder, and how it is fed. */
export interface Target {
  readonly name: string;
  /** What its inputs are made from; at least one. */
  readonly seeds: readonly Uint8Array[];
  /** Gives it the bytes. What it returns does not matter, but it must return. */
  readonly feed: (bytes: Uint8Array) => unknown;
}

/** One input, and which decoder it is for. */
export interface Input {
  /** Position among the targets. */
  readonly target: number;
  readonly bytes: Uint8Array;
}

/** Of so many inputs, one is made from what is another decoder's food. */
const STRANGERS = 16;

/**
 * Makes an input. It depends on nothing but the seed, its number and the targets, so that whoever knows these can make
 * it again.
 */
export function makeInput(targets: readonly Target[], seed: number, number: number): Input {
  const random = new Random(seed, number);
  const target = random.below(targets.length);
  const own = (targets[target] as Target).seeds;
  const seeds = random.below(STRANGERS) === 0 ? random.pick(targets).seeds : own;
  return { target, bytes: mutate(random.pick(seeds), own, random) };
}
