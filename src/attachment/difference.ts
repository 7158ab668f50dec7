import { isDeepStrictEqual } from "node:util";

/**
 * The sentence that says how something differs from what it was made: none where it is the same, or where nothing was
 * wanted of it. `whose` names the link or file, `what` the value.
 */
export function differenceOf(whose: string, what: string, made: unknown, found: unknown): string[] {
  if (made === undefined || isDeepStrictEqual(made, found)) return [];
  return [`the ${what} of ${whose} was made ${inWords(made)}, and is ${inWords(found)}`];
}

function inWords(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}
