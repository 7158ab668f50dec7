import { InvalidValueError } from "../model/errors.ts";

/** The largest number of 32 bits, which is what most fields of traffic control hold. */
export const MAX_UINT32 = 0xffffffff;

/** The largest index of a link, which is an int of the kernel. */
export const MOST_INDEX = 0x7fffffff;

/**
 * Gives the number back when it fits its field, which would silently hold another one otherwise. `place` says whose
 * it is: `limit of qdisc fq`. Throws InvalidValueError.
 */
export function wholeNumber(place: string, value: number, least = 0, most = MAX_UINT32): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidValueError(place, value, `a whole number from ${least} to ${most}`);
}

/**
 * The same for a value that need not be whole, such as a rate in bits per second; above what a number counts exactly it
 * would become another one.
 */
export function positiveNumber(place: string, value: number): number {
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new InvalidValueError(place, value, `a number above 0 and up to ${Number.MAX_SAFE_INTEGER}`);
}
