import { errorText, LanyardError } from "../model/errors.ts";

/** A call of the container runtime, as its environment and standard input said it. */
export interface Call {
  /** `CNI_COMMAND` and the others, and those that carry a trace; values as they were, never missing but perhaps empty. */
  readonly environment: ReadonlyMap<string, string>;
  /** The configuration, not looked at yet. */
  readonly input: Uint8Array;
}

/**
 * Reads what native/cni-shim.c sends, and what it leaves in the spool: NAME=VALUE entries with a NUL after each, one more
 * NUL, and standard input as it was. Throws LanyardError `invalid`.
 */
export function parseCall(body: Uint8Array): Call {
  const environment = new Map<string, string>();
  let start = 0;
  for (;;) {
    const end = body.indexOf(0, start);
    if (end < 0) {
      throw invalid(start, "the environment does not end; expected a NUL after each entry and one after all");
    }
    if (end === start) return { environment, input: body.subarray(end + 1) };
    const entry = decode(body.subarray(start, end), start);
    const equals = entry.indexOf("=");
    if (equals < 1) throw invalid(start, `"${entry}" is no entry of an environment; expected NAME=VALUE`);
    environment.set(entry.slice(0, equals), entry.slice(equals + 1));
    start = end + 1;
  }
}

function decode(bytes: Uint8Array, start: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw invalid(start, `an entry of the environment cannot be read: ${errorText(error)}; expected UTF-8`);
  }
}

function invalid(start: number, message: string): LanyardError {
  return new LanyardError("invalid", `the call at byte ${start}: ${message}`);
}
