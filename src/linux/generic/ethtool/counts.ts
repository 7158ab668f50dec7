import type { AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";

/**
 * Writes 32-bit numbers, each given by its attribute type, what it is in words, and its value; those without a value are
 * left out. Throws InvalidValueError.
 */
export function writeCounts(
  attributes: AttributeWriter,
  counts: readonly (readonly [type: number, place: string, value: number | undefined])[],
): void {
  for (const [type, place, value] of counts) {
    if (value !== undefined) attributes.u32(type, wholeNumber(place, value));
  }
}
