import { z } from "zod";
import { InvalidValueError, LanyardError } from "./errors.ts";
import { suggest } from "./nearest.ts";

/**
 * How the schemas of this room report mistakes. In every schema the zod message holds only what would be
 * right ("a name such as ..."); `validate` puts the place and the value to it.
 */

/** One or more values of one object are not usable; all of them are told together. */
export class InvalidObjectError extends LanyardError {
  readonly mistakes: readonly InvalidValueError[];

  constructor(mistakes: readonly InvalidValueError[]) {
    super("invalid", mistakes.map((mistake) => mistake.message).join("\n"));
    this.mistakes = mistakes;
  }
}

/**
 * What a document says, read by a schema. `place` is where the document stands, for example `qos.yaml#2`.
 * Throws InvalidObjectError with every mistake.
 */
export function validate<T>(schema: z.ZodType<T>, document: unknown, place: string): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  throw new InvalidObjectError(result.error.issues.flatMap((issue) => describeIssue(issue, document, place)));
}

/** A mapping in which unknown fields are mistakes, answered with the nearest known spelling. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? known : `a mapping with the fields ${known}`),
  });
}

/** A mapping of which only these fields are read: for objects whose format belongs to others. */
export function readFields<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape, { error: `a mapping with the fields ${Object.keys(shape).join(", ")}` });
}

/** One of several mappings, told apart by a field. */
export function variants<
  const Options extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]],
>(field: string, names: readonly string[], options: Options) {
  return z.discriminatedUnion(field, options, {
    error: (issue) =>
      issue.code === "invalid_union"
        ? `one of ${names.join(", ")}${suggest((issue.input as Record<string, unknown>)[field], names)}`
        : `a mapping with the field ${field}`,
  });
}

/** A list of what the schema reads. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.array(item, { error: "a list" });
}

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return z.enum(words, { error: (issue) => `one of ${words.join(", ")}${suggest(issue.input, words)}` });
}

/** A whole number between two bounds, both allowed. */
export function wholeNumber(lowest: number, highest: number) {
  const error = `a whole number from ${lowest} to ${highest}`;
  return z.int({ error }).min(lowest, { error }).max(highest, { error });
}

/** Yes or no. */
export function yesOrNo() {
  return z.boolean({ error: "true or false" });
}

/** Text that is not empty. `expected` says what it is for. */
export function text(expected: string) {
  return z.string({ error: expected }).min(1, { error: expected });
}

/** Names with text values, as labels and annotations are. */
export function textMap(expected = "names with text values; quote numbers and true or false") {
  return z.record(z.string(), z.string({ error: "text; put it in quotes" }), { error: expected });
}

/** What a parse function that throws InvalidValueError makes of a value. */
export function parsedBy<T>(parse: (value: unknown, place: string) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      return parse(value, "");
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      context.addIssue({ code: "custom", message: error.expected });
      return z.NEVER;
    }
  });
}

function describeIssue(issue: z.core.$ZodIssue, document: unknown, place: string): InvalidValueError[] {
  if (issue.code !== "unrecognized_keys") {
    return [
      new InvalidValueError(joinPlace(place, issue.path), valueAt(document, issue.path), issue.message),
    ];
  }
  const known = issue.message.split(", ");
  return issue.keys.map((key) => {
    const path = [...issue.path, key];
    const expected = `one of the fields ${issue.message}${suggest(key, known)}`;
    return new InvalidValueError(joinPlace(place, path), valueAt(document, path), expected);
  });
}

function joinPlace(place: string, path: readonly PropertyKey[]): string {
  let field = "";
  for (const step of path) {
    if (typeof step === "number") field += `[${step}]`;
    else if (/^[A-Za-z_]\w*$/.test(String(step))) field += field === "" ? String(step) : `.${String(step)}`;
    else field += `["${String(step)}"]`;
  }
  if (field === "") return place;
  if (place === "") return field;
  return field.startsWith("[") ? place + field : `${place} ${field}`;
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[spellingIn(value, step)];
  }
  return value;
}

/** A schema may read a field in any letter case; what stood there is found all the same. */
function spellingIn(mapping: object, field: PropertyKey): PropertyKey {
  if (field in mapping || typeof field !== "string") return field;
  return Object.keys(mapping).findLast((key) => key.toLowerCase() === field.toLowerCase()) ?? field;
}
