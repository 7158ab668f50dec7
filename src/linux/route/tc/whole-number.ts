import { InvalidValueError } from "../../../model/errors.ts";

/** The largest number of 32 bits, which is what most fields of traffic control hold. */
export const MAX_UINT32 = 0xffffffff;

/**
 * Gives the number back when it fits its field, which would silently hold another one otherwise. `place` says whose
 * it is: `limit of qdisc fq`. Throws InvalidValueError.
 */
export function wholeNumber(place: string, value: number, least = 0, most = MAX_UINT32): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidValueError(place, value, `a whole number from ${least} to ${most}`);
}

/** The same for a value that may be more than a whole number, such as a rate in bits per second. */
export function positiveNumber(place: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidValueError(place, value, "a number above 0");
}
