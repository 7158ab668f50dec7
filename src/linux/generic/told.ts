import { type NameOrNumber, nameOf } from "../route/names.ts";

/** An object of which every member may be left out. */
export type Told<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The object without its members that are undefined: what the kernel does not tell is left out. */
export function told<T extends object>(members: T): Told<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Told<T>;
}

/** The name of a value, the number itself where it has none, undefined where there is no value. */
export function nameTold<Name extends string>(
  names: Readonly<Record<Name, number>>,
  value: number | undefined,
): NameOrNumber<Name> | undefined {
  return value === undefined ? undefined : nameOf(names, value);
}

/** Whether a number says yes; undefined where there is none. */
export function isTold(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== 0;
}
