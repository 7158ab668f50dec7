import { z } from "zod";
import { parseInterfaceAddress, parseMac } from "./address.ts";
import type { NetworkReference } from "./attachment.ts";
import { errorText, InvalidValueError } from "./errors.ts";
import { parseInterfaceName, parseObjectName } from "./names.ts";
import { fields, InvalidObjectError, listOf, parsedBy, validate, yesOrNo } from "./validation.ts";

/** The pod annotation that names the networks a pod wants: a JSON list. */
export const NETWORKS_ANNOTATION = "lanyard.dev/networks";

const name = parsedBy(parseObjectName).optional();

const reference = fields({
  podNetworkName: name,
  podNetworkAttachmentName: name,
  // the spellings of KEP-3698's last text (2024-03)
  name,
  attachmentName: name,
  interfaceName: parsedBy(parseInterfaceName).optional(),
  qosClassName: name,
  ips: listOf(parsedBy(parseInterfaceAddress)).default([]),
  mac: parsedBy(parseMac).optional(),
  isDefaultGateway: yesOrNo().default(false),
  containerName: name,
}).transform((written, context): NetworkReference => {
  const targets = [
    { kind: "PodNetwork" as const, name: written.podNetworkName },
    { kind: "PodNetwork" as const, name: written.name },
    { kind: "PodNetworkAttachment" as const, name: written.podNetworkAttachmentName },
    { kind: "PodNetworkAttachment" as const, name: written.attachmentName },
  ].flatMap(({ kind, name }) => (name === undefined ? [] : [{ kind, name }]));
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    const message = "exactly one of podNetworkName and podNetworkAttachmentName";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  return {
    target,
    interfaceName: written.interfaceName ?? "",
    ...(written.qosClassName !== undefined && { qosClassName: written.qosClassName }),
    ips: written.ips,
    ...(written.mac !== undefined && { mac: written.mac }),
    isDefaultGateway: written.isDefaultGateway,
    ...(written.containerName !== undefined && { containerName: written.containerName }),
  };
});

const references = (before: number) =>
  listOf(reference)
    .transform((references) =>
      references.map((each, index) => ({
        ...each,
        interfaceName: each.interfaceName || `net${before + index + 1}`,
      })),
    )
    .superRefine((references, context) => {
      const refuse = (path: (string | number)[], message: string) =>
        context.addIssue({ code: "custom", path, message });
      for (const [index, { interfaceName, isDefaultGateway, ips }] of references.entries()) {
        const before = references.slice(0, index);
        const sameName = before.findIndex((other) => other.interfaceName === interfaceName);
        if (sameName >= 0) {
          refuse(
            [index, "interfaceName"],
            `a name of its own: entry ${sameName} is called ${interfaceName} too`,
          );
        }
        const gateway = before.findIndex((other) => other.isDefaultGateway);
        if (isDefaultGateway && gateway >= 0) {
          refuse([index, "isDefaultGateway"], `only one default gateway: entry ${gateway} is it already`);
        }
        for (const [position, address] of ips.entries()) {
          if (ips.indexOf(address) < position) refuse([index, "ips", position], "each address once");
        }
      }
    });

/**
 * The networks an annotation names; none when the annotation is absent or empty. `place` says where the
 * annotation stands; `before` networks of the pod come before these, where interfaces are named by position. Throws
 * InvalidObjectError.
 */
export function parseNetworksAnnotation(
  annotation: string | undefined,
  place: string,
  before = 0,
): readonly NetworkReference[] {
  if (annotation === undefined || annotation.trim() === "") return [];
  let document: unknown;
  try {
    document = JSON.parse(annotation);
  } catch (error) {
    const expected = `a JSON list such as [{"podNetworkName": "fast"}] (${errorText(error)})`;
    throw new InvalidObjectError([new InvalidValueError(place, annotation, expected)]);
  }
  return validate(references(before), document, place);
}
