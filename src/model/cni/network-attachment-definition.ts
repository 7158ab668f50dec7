import { z } from "zod";
import { parseObjectName, parseResourceName } from "../names.ts";
import { namespaceName } from "../object.ts";
import { oneOf, parsedBy, readFields, textMap, validate } from "../validation.ts";
import { type NetworkConfiguration, parseNetworkConfiguration } from "./network-configuration.ts";

/** The API group and version of these objects. */
export const DEFINITION_API_VERSION = "k8s.cni.cncf.io/v1";

const RESOURCE_ANNOTATION = "k8s.v1.cni.cncf.io/resourceName";

/** A NetworkAttachmentDefinition (k8s.cni.cncf.io/v1): a network that pods of its namespace may name. */
export interface NetworkAttachmentDefinition {
  readonly kind: "NetworkAttachmentDefinition";
  readonly namespace: string;
  readonly name: string;
  /** Absent when `spec.config` is: then a configuration of this name on the node's disk is meant. */
  readonly configuration?: NetworkConfiguration;
  /** The resource whose devices its attachments use, from the annotation `k8s.v1.cni.cncf.io/resourceName`. */
  readonly resourceName?: string;
}

const schema = readFields({
  apiVersion: oneOf([DEFINITION_API_VERSION]),
  kind: oneOf(["NetworkAttachmentDefinition"]),
  metadata: readFields({
    name: parsedBy(parseObjectName),
    namespace: namespaceName().default("default"),
    annotations: textMap().nullish(),
  }),
  spec: readFields({ config: z.string({ error: "a network's configuration as text" }).optional() }).nullish(),
});

/**
 * Reads a NetworkAttachmentDefinition. A configuration without a name has the definition's. Throws InvalidObjectError.
 */
export function parseNetworkAttachmentDefinition(
  document: unknown,
  place: string,
): NetworkAttachmentDefinition {
  const { metadata, spec } = validate(schema, document, place);
  const { name, namespace, annotations } = metadata;
  const resource = annotations?.[RESOURCE_ANNOTATION];
  const config = spec?.config?.trim() ?? "";
  return {
    kind: "NetworkAttachmentDefinition",
    namespace,
    name,
    ...(config !== "" && { configuration: parseNetworkConfiguration(config, `${place} spec.config`, name) }),
    ...(resource !== undefined && resource !== "" && { resourceName: readResource(resource, place) }),
  };
}

function readResource(resource: string, place: string): string {
  const annotation = `${place} metadata.annotations["${RESOURCE_ANNOTATION}"]`;
  return validate(parsedBy(parseResourceName), resource, annotation);
}
