import { InvalidValueError } from "../../model/errors.ts";
import { wholeNumber } from "../whole-number.ts";

/** A field whose common values have a name in the kernel's headers; any other value is its number. */
export type NameOrNumber<Name extends string> = Name | number;

/** The name of a value; the number itself where it has none. */
export function nameOf<Name extends string>(
  names: Readonly<Record<Name, number>>,
  value: number,
): NameOrNumber<Name> {
  return (Object.keys(names) as Name[]).find((name) => names[name] === value) ?? value;
}

/** The value of a word; `place` says what it is for. Throws InvalidValueError for another word, which would be 0. */
export function numberOfWord<Word extends string>(
  place: string,
  values: Readonly<Record<Word, number>>,
  word: Word,
): number {
  if (Object.hasOwn(values, word)) return values[word];
  throw new InvalidValueError(place, word, `one of ${Object.keys(values).join(", ")}`);
}

/** The value of a name or number; `place` says what it is for. Throws InvalidValueError; numbers end with `most`. */
export function numberOf<Name extends string>(
  place: string,
  names: Readonly<Record<Name, number>>,
  name: NameOrNumber<Name>,
  most = 0xff,
): number {
  if (typeof name === "number") return wholeNumber(place, name, 0, most);
  if (Object.hasOwn(names, name)) return names[name];
  throw new InvalidValueError(place, name, `one of ${Object.keys(names).join(", ")}, or a number`);
}
