import { z } from "zod";
import { isMapping } from "../device-plugin-reading.ts";
import { errorText, InvalidValueError } from "../errors.ts";
import { InvalidObjectError, readFields } from "../validation.ts";

/**
 * What was written for programs that read by Go's `encoding/json` is read as they read it, because people rely on it:
 * `deviceId` does for `deviceID` and `HWAddr` for `hwaddr`, `null` stands for nothing, and an empty text for none.
 * This is so for what plugins are told, results, and the elements of annotations; libcni itself reads the outer fields of
 * a list of plugins (`name`, `plugins`, ...) in their own spelling alone, and so are they read here.
 */

/** A mapping of which these fields are read, in any letter case; of two that differ only in that the last counts. */
export function goFields<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess((value) => withKnownSpelling(value, Object.keys(shape)), readFields(shape));
}

/** What the schema reads, or nothing where an empty text stands. */
export function unlessEmpty<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === "" ? undefined : value), schema.optional()).optional();
}

/** The mapping without what is `null`, and with known fields under their own spelling. */
export function withKnownSpelling(value: unknown, known: readonly string[]): unknown {
  if (!isMapping(value)) return value;
  const spellings = new Map(known.map((field) => [field.toLowerCase(), field]));
  const told = Object.entries(value).filter(([, entry]) => entry !== null);
  // Also a key `__proto__` is just one of them.
  return Object.fromEntries(told.map(([key, entry]) => [spellings.get(key.toLowerCase()) ?? key, entry]));
}

/** A text that is no JSON. */
export class UndecodableTextError extends InvalidValueError {}

/** What a text of JSON says. `expected` is what it should have been; throws InvalidObjectError with UndecodableTextError. */
export function readJson(text: string, place: string, expected: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidObjectError([
      new UndecodableTextError(place, text, `${expected} (${errorText(error)})`),
    ]);
  }
}
