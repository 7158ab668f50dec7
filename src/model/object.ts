import { z } from "zod";
import { isSubdomain, parseObjectName } from "./names.ts";
import { fields, oneOf, parsedBy, readFields } from "./validation.ts";

/** The API group and version of the project's own objects. */
export const API_VERSION = "lanyard.dev/v1alpha1";

/** The schema of a cluster-wide object of our group; `status` is written by the agent and not read. */
export function clusterObject<const Kind extends string, Spec extends z.ZodType>(kind: Kind, spec: Spec) {
  return fields({
    apiVersion: oneOf([API_VERSION]),
    kind: oneOf([kind]),
    metadata: readFields({ name: parsedBy(parseObjectName) }),
    spec,
    status: z.unknown().optional(),
  });
}

/** The schema of an object of our group that lives in a namespace; `default` where none is written. */
export function namespacedObject<const Kind extends string, Spec extends z.ZodType>(kind: Kind, spec: Spec) {
  return fields({
    apiVersion: oneOf([API_VERSION]),
    kind: oneOf([kind]),
    metadata: readFields({ name: parsedBy(parseObjectName), namespace: namespaceName().default("default") }),
    spec,
    status: z.unknown().optional(),
  });
}

/** A namespace's name: a DNS label (RFC 1123). */
export function namespaceName() {
  const error = "a namespace: lower-case letters, digits and '-', at most 63";
  return z
    .string({ error })
    .refine((name) => isSubdomain(name) && name.length <= 63 && !name.includes("."), { error });
}
