import { z } from "zod";
import type { NetworkReference } from "./attachment.ts";
import { InvalidValueError } from "./errors.ts";
import { isNativeResourceName, parseObjectName, parseResourceName } from "./names.ts";
import { namespaceName } from "./object.ts";
import { NAMESPACE_ANNOTATION } from "./own-annotations.ts";
import { parsePodReferences } from "./pod-references.ts";
import { parseCount } from "./quantity.ts";
import {
  InvalidObjectError,
  listOf,
  oneOf,
  parsedBy,
  readFields,
  text,
  textMap,
  validate,
} from "./validation.ts";

/** A container of a pod, as far as it is read. */
export interface ContainerManifest {
  readonly name: string;
  readonly image?: string;
  readonly command: readonly string[];
  /** How many devices of each extended resource the container gets: `lanyard.dev/nics` to 2. */
  readonly resources: Readonly<Record<string, number>>;
}

/** The part of a core/v1 Pod that is read; everything else in it is left alone. */
export interface PodManifest {
  readonly kind: "Pod";
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerManifest[];
  /** From the annotations `k8s.v1.cni.cncf.io/networks` and `lanyard.dev/networks`. */
  readonly networks: readonly NetworkReference[];
  /** From the annotation `lanyard.dev/network-namespace`: the path of a namespace made by others. */
  readonly networkNamespace?: string;
}

const amounts = z.record(z.string(), z.unknown(), { error: "resources with their amounts" }).default({});

const container = readFields({
  name: parsedBy(parseObjectName),
  image: text("an image's name").optional(),
  command: listOf(z.string({ error: "text" })).default([]),
  resources: readFields({ limits: amounts, requests: amounts }).default({ limits: {}, requests: {} }),
});

const schema = readFields({
  apiVersion: oneOf(["v1"]),
  kind: oneOf(["Pod"]),
  metadata: readFields({
    name: parsedBy(parseObjectName),
    namespace: namespaceName().default("default"),
    uid: text("the pod's UID").optional(),
    labels: textMap().default({}),
    annotations: textMap().default({}),
  }),
  spec: readFields({
    containers: listOf(container).min(1, { error: "at least one container" }),
  }),
});

/** Reads a Pod. Throws InvalidObjectError. */
export function parsePodManifest(document: unknown, place: string): PodManifest {
  const { metadata, spec } = validate(schema, document, place);
  const mistakes: InvalidValueError[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (error instanceof InvalidObjectError) mistakes.push(...error.mistakes);
      else if (error instanceof InvalidValueError) mistakes.push(error);
      else throw error;
      return otherwise;
    }
  };

  const { annotations, namespace } = metadata;
  const networks = attempt(
    () => parsePodReferences(annotations, namespace, `${place} metadata.annotations`),
    [],
  );
  const networkNamespace = attempt(
    () =>
      parseNamespacePath(
        annotations[NAMESPACE_ANNOTATION],
        `${place} metadata.annotations["${NAMESPACE_ANNOTATION}"]`,
      ),
    undefined,
  );
  const containers = spec.containers.map(({ resources, ...rest }, index) => ({
    ...rest,
    resources: attempt(() => readExtended(resources, `${place} spec.containers[${index}].resources`), {}),
  }));
  for (const [index, { name }] of containers.entries()) {
    if (containers.findIndex((other) => other.name === name) < index) {
      const expected = "a name no other container of the pod has";
      mistakes.push(new InvalidValueError(`${place} spec.containers[${index}].name`, name, expected));
    }
  }

  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
  return {
    kind: "Pod",
    ...metadata,
    containers,
    networks,
    ...(networkNamespace !== undefined && { networkNamespace }),
  };
}

function parseNamespacePath(value: string | undefined, place: string): string | undefined {
  if (value === undefined || /^\/./.test(value)) return value;
  throw new InvalidValueError(place, value, "the path of a network namespace, such as /run/netns/blue");
}

/**
 * The extended resources of a container: whole numbers, and a request equal to its limit, as the API server
 * demands (ValidateResourceRequirements, pkg/apis/core/validation). Resources of Kubernetes itself (cpu,
 * memory, hugepages) are nobody's business here.
 */
function readExtended(
  { limits, requests }: { limits: Record<string, unknown>; requests: Record<string, unknown> },
  place: string,
): Record<string, number> {
  const mistakes: InvalidValueError[] = [];
  const counts: Record<string, number> = {};
  for (const name of new Set([...Object.keys(limits), ...Object.keys(requests)])) {
    if (isNativeResourceName(name)) continue;
    try {
      parseResourceName(name, place);
      const count = parseCount(limits[name], `${place}.limits["${name}"]`);
      if (name in requests && parseCount(requests[name], `${place}.requests["${name}"]`) !== count) {
        const expected = `the same as the limit, ${count}, or nothing`;
        mistakes.push(new InvalidValueError(`${place}.requests["${name}"]`, requests[name], expected));
      }
      if (count > 0) counts[name] = count;
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      mistakes.push(error);
    }
  }
  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
  return counts;
}
