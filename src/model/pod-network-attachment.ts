import { parseInterfaceAddress, parseMac } from "./address.ts";
import { parseObjectName } from "./names.ts";
import { namespacedObject } from "./object.ts";
import { fields, listOf, parsedBy, validate } from "./validation.ts";

/** A tuned reference to a network that pods of its namespace use by name. */
export interface PodNetworkAttachment {
  readonly kind: "PodNetworkAttachment";
  readonly namespace: string;
  readonly name: string;
  readonly podNetworkName: string;
  readonly mac?: string;
  /** CIDR form; used by pods whose own reference names none. */
  readonly ips: readonly string[];
  readonly qosClassName?: string;
}

const schema = namespacedObject(
  "PodNetworkAttachment",
  fields({
    podNetworkName: parsedBy(parseObjectName),
    mac: parsedBy(parseMac).optional(),
    ips: listOf(parsedBy(parseInterfaceAddress)).default([]),
    qosClassName: parsedBy(parseObjectName).optional(),
  }),
);

/** Reads a PodNetworkAttachment. Throws InvalidObjectError. */
export function parsePodNetworkAttachment(document: unknown, place: string): PodNetworkAttachment {
  const { metadata, spec } = validate(schema, document, place);
  return { kind: "PodNetworkAttachment", namespace: metadata.namespace, name: metadata.name, ...spec };
}
