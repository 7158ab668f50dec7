import { errorText, LanyardError } from "../model/errors.ts";
import { podKey } from "../model/pod.ts";
import type { AttachmentRequest } from "./request.ts";

/** The error as it is told of one interface. */
export function failureOf(request: AttachmentRequest, error: unknown): LanyardError {
  const who = `pod ${podKey(request.pod)}, interface ${request.interfaceName}`;
  return new LanyardError(codeOf(error), `${who}: ${errorText(error)}`, { cause: error });
}

/** Several failures, at least one, as one of the first one's code. */
export function failuresAsOne(what: string, failures: readonly unknown[]): LanyardError {
  const cause = failures.length === 1 ? failures[0] : new AggregateError(failures);
  return new LanyardError(codeOf(failures[0]), `${what}: ${failures.map(errorText).join("; ")}`, { cause });
}

/** The first failure, with what else is to be told of it. */
export function withMore(error: unknown, more: readonly string[]): unknown {
  if (more.length === 0) return error;
  return new LanyardError(codeOf(error), `${errorText(error)}; also: ${more.join("; ")}`, { cause: error });
}

function codeOf(error: unknown) {
  return error instanceof LanyardError ? error.code : "internal";
}
