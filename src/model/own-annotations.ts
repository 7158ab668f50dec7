import { InvalidValueError } from "./errors.ts";
import { NETWORKS_ANNOTATION } from "./networks-annotation.ts";

/** Begins the names of all pod annotations that are ours (native/cni-shim/configuration.h asks for them, too). */
const PREFIX = "lanyard.dev/";

/** The pod annotation that names a network namespace somebody else has made for the pod. */
export const NAMESPACE_ANNOTATION = "lanyard.dev/network-namespace";

/** The pod annotation that tells what a pod has: written for others, and no wish. */
const STATUS_ANNOTATION = "lanyard.dev/network-status";

const KNOWN = [NETWORKS_ANNOTATION, NAMESPACE_ANNOTATION, STATUS_ANNOTATION];

/**
 * Those of a pod's annotations that bear our prefix and mean nothing: a pod with a misspelt one would start without what
 * it asks for. `place` says whose annotations these are.
 */
export function unknownAnnotations(
  annotations: Readonly<Record<string, string>>,
  place: string,
): InvalidValueError[] {
  const unknown = Object.keys(annotations).filter((name) => name.startsWith(PREFIX) && !KNOWN.includes(name));
  const expected = `one of ${KNOWN.join(", ")}, or another prefix`;
  return unknown.map((name) => new InvalidValueError(`${place} annotation`, name, expected));
}
