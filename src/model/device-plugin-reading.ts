import { InvalidValueError } from "./errors.ts";
import { suggest } from "./nearest.ts";

/**
 * Reads what was written for Go's `encoding/json`, as that reads it: fields in any letter case, of two that differ only
 * in case the last, `null` as if nothing stood there, and unknown fields left alone. What is wrong is collected: it
 * either makes the whole unusable (`refuse`) or is only told (`note`).
 */
export class DevicePluginReading {
  readonly problems: InvalidValueError[] = [];
  #isUsable = true;

  /** Whether nothing was refused. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Tells a mistake that the rest can live with. `expected` says what becomes of it. */
  note(place: string, value: unknown, expected: string): void {
    this.problems.push(new InvalidValueError(place, value, expected));
  }

  /** Tells a mistake that makes the resource unusable. */
  refuse(place: string, value: unknown, expected: string): void {
    this.note(place, value, `${expected}; the resource is left out`);
    this.#isUsable = false;
  }

  /**
   * What stands in the known fields of a mapping, under their right spelling; undefined for what is none. `others` are read as well and never
   * proposed.
   */
  fields(
    value: unknown,
    place: string,
    known: readonly string[],
    { others = [], separator = "." }: { others?: readonly string[]; separator?: string } = {},
  ): Readonly<Record<string, unknown>> | undefined {
    if (!isMapping(value)) {
      this.refuse(place, value, `a mapping with the fields ${known.join(", ")}`);
      return undefined;
    }
    const spellings = new Map([...known, ...others].map((field) => [field.toLowerCase(), field]));
    const found: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) {
      const field = spellings.get(key.toLowerCase());
      if (field === undefined) this.#noteUnknown(key, entry, `${place}${separator}${key}`, known);
      else if (entry !== null) found[field] = entry;
    }
    return found;
  }

  /** A text; undefined where nothing stands, or nothing but an empty text, which is the same in Go. */
  text(value: unknown, place: string): string | undefined {
    if (typeof value === "string" || value === undefined) return value || undefined;
    this.refuse(place, value, "text in quotes");
    return undefined;
  }

  /** Yes or no; no where nothing stands. */
  flag(value: unknown, place: string): boolean {
    if (typeof value !== "boolean" && value !== undefined) this.refuse(place, value, "true or false");
    return value === true;
  }

  /** A list; undefined where nothing stands, and for an empty one, which is the same in Go. */
  list(value: unknown, place: string): readonly unknown[] | undefined {
    if (value === undefined) return undefined;
    if (Array.isArray(value)) return value.length > 0 ? value : undefined;
    this.refuse(place, value, "a list");
    return undefined;
  }

  /** Only a field that resembles a known one was meant to do something. */
  #noteUnknown(key: string, value: unknown, place: string, known: readonly string[]): void {
    const meant = suggest(key, known);
    if (meant === "") return;
    this.note(place, value, `one of the fields ${known.join(", ")}${meant} It is ignored as it stands`);
  }
}

/** Whether a value is a mapping of names to values. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
