import { isMapping } from "../device-plugin-reading.ts";
import { type ErrorCode, errorText, LanyardError } from "../errors.ts";
import { InvalidObjectError } from "../validation.ts";
import { InvalidEnvironmentError } from "./environment.ts";
import { UndecodableTextError } from "./go-json.ts";
import { type CniVersion, IncompatibleVersionError } from "./versions.ts";

/** An error as a runtime is told of it on standard output (CNI specification 1.1.0, "Error"). */
export interface CniError {
  readonly code: number;
  /** One line. */
  readonly msg: string;
  readonly details?: string;
}

/**
 * Codes below 100 are the specification's, but for two of libcni's own (8 and 999, pkg/types/types.go); those from 100 on
 * are ours.
 */
export const CNI_CODES = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  /** Tells the runtime that nothing is left to be cleaned up. */
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  undecodable: 6,
  invalidConfiguration: 7,
  /** The namespace of the pod is the plugin's own. */
  ownNamespace: 8,
  tryAgainLater: 11,
  /** Answers of STATUS. */
  notAvailable: 50,
  limitedConnectivity: 51,
  notFound: 100,
  conflict: 101,
  unsupported: 102,
  kernel: 103,
  internal: 999,
} as const;

/** A thing that was named and is not there is no `unknownContainer`: the runtime would leave the pod uncleaned. */
const CODE_OF: Readonly<Record<ErrorCode, number>> = {
  invalid: CNI_CODES.invalidConfiguration,
  "not-found": CNI_CODES.notFound,
  conflict: CNI_CODES.conflict,
  unavailable: CNI_CODES.tryAgainLater,
  unsupported: CNI_CODES.unsupported,
  timeout: CNI_CODES.tryAgainLater,
  kernel: CNI_CODES.kernel,
  internal: CNI_CODES.internal,
};

/** An error that has a code of the specification already: one that a program printed, or that a door has chosen. */
export class CniFailure extends LanyardError {
  readonly cni: CniError;

  constructor(code: ErrorCode, cni: CniError, options?: { cause?: unknown }) {
    super(code, cni.details ? `${cni.msg}: ${cni.details}` : cni.msg, options);
    this.cni = cni;
  }
}

/** What a runtime is told of anything that was thrown. */
export function cniErrorOf(error: unknown): CniError {
  if (error instanceof CniFailure) return error.cni;
  const msg = errorText(error).replaceAll("\n", "; ");
  return { code: codeOf(error), msg };
}

/** The error as it is printed. */
export function formatCniError(error: CniError, version: CniVersion): Readonly<Record<string, unknown>> {
  const { code, msg, details } = error;
  return { cniVersion: version, code, msg, ...(details !== undefined && details !== "" && { details }) };
}

/** The error that a program printed; undefined where what it printed is none. */
export function parseCniError(output: string): CniError | undefined {
  let document: unknown;
  try {
    document = JSON.parse(output);
  } catch {
    return undefined;
  }
  if (!isMapping(document)) return undefined;
  const { code, msg, details } = document;
  if (typeof code !== "number" || typeof msg !== "string") return undefined;
  return { code, msg, ...(typeof details === "string" && details !== "" && { details }) };
}

function codeOf(error: unknown): number {
  if (!(error instanceof LanyardError)) return CNI_CODES.internal;
  if (error instanceof InvalidEnvironmentError) return CNI_CODES.invalidEnvironment;
  const mistakes: readonly LanyardError[] = error instanceof InvalidObjectError ? error.mistakes : [error];
  if (mistakes.some((each) => each instanceof IncompatibleVersionError)) return CNI_CODES.incompatibleVersion;
  if (mistakes.some((each) => each instanceof UndecodableTextError)) return CNI_CODES.undecodable;
  return CODE_OF[error.code];
}
