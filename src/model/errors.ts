/** Why something could not be done, as a stable word a program can act on. */
export type ErrorCode =
  | "invalid"
  | "not-found"
  | "conflict"
  | "unavailable"
  | "unsupported"
  | "timeout"
  | "kernel"
  | "internal";

/**
 * The one error type of the project. `code` is stable and for programs; `message` is for a person: it says
 * what was wrong, where, and what would be right.
 */
export class LanyardError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A value somebody wrote is not usable. The message names the place, the value and what would be right. */
export class InvalidValueError extends LanyardError {
  /** Where: a file and document, then the field's path, for example `qos.yaml#2 spec.egress.ceiling`. */
  readonly place: string;
  /** What stood there; undefined when nothing did. */
  readonly value: unknown;
  /** What would be right, as the message says it after "expected". */
  readonly expected: string;

  constructor(place: string, value: unknown, expected: string) {
    const fault = value === undefined ? " is missing" : `: ${describe(value)} is not usable`;
    super("invalid", `${place}${fault}; expected ${expected}`);
    this.place = place;
    this.value = value;
    this.expected = expected;
  }
}

/** Something that was named does not exist. */
export class NotFoundError extends LanyardError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("not-found", message, options);
  }
}

/** The text of any thrown value, for a log line or an answer. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describe(value: unknown): string {
  const text = typeof value === "string" ? `"${value}"` : JSON.stringify(value);
  return text !== undefined && text.length > 80 ? `${text.slice(0, 77)}...` : String(text);
}
