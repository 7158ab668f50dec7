import { type ServiceError, status } from "@grpc/grpc-js";
import { type ErrorCode, errorText, LanyardError } from "../model/errors.ts";

const statusOfCode: Readonly<Record<ErrorCode, status>> = {
  invalid: status.INVALID_ARGUMENT,
  "not-found": status.NOT_FOUND,
  conflict: status.FAILED_PRECONDITION,
  unavailable: status.UNAVAILABLE,
  unsupported: status.UNIMPLEMENTED,
  timeout: status.DEADLINE_EXCEEDED,
  kernel: status.INTERNAL,
  internal: status.INTERNAL,
};

const codeOfStatus: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.INVALID_ARGUMENT]: "invalid",
  [status.OUT_OF_RANGE]: "invalid",
  [status.NOT_FOUND]: "not-found",
  [status.ALREADY_EXISTS]: "conflict",
  [status.ABORTED]: "conflict",
  [status.FAILED_PRECONDITION]: "conflict",
  [status.UNAVAILABLE]: "unavailable",
  [status.RESOURCE_EXHAUSTED]: "unavailable",
  [status.CANCELLED]: "unavailable",
  [status.UNIMPLEMENTED]: "unsupported",
  [status.DEADLINE_EXCEEDED]: "timeout",
};

/** A call over gRPC that did not end well. The message names the method, the socket and the other side's words. */
export class RpcError extends LanyardError {
  /** The gRPC status code. */
  readonly status: status;
  /** What the other side said, alone. */
  readonly details: string;

  constructor(method: string, socketPath: string, error: ServiceError) {
    // grpc-js puts it behind what went wrong, with nothing in it for a socket (load-balancer-pick-first.js).
    const details = (error.details || error.message).replace(/ Resolution note: $/, "");
    super(
      codeOfStatus[error.code] ?? "internal",
      `${method} on ${socketPath} failed: ${status[error.code]}: ${details}`,
      { cause: error },
    );
    this.status = error.code;
    this.details = details;
  }
}

/**
 * The status a handler's error is answered with. A LanyardError's code decides; anything else is UNKNOWN, which
 * is also what a Go server answers for an error without a status.
 */
export function toStatus(error: unknown): { code: status; details: string } {
  const code = error instanceof LanyardError ? statusOfCode[error.code] : status.UNKNOWN;
  return { code, details: errorText(error) };
}
