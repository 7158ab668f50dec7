import type { NetworkTarget } from "../attachment.ts";
import { InvalidValueError } from "../errors.ts";
import { parseObjectName } from "../names.ts";
import { InvalidObjectError, parsedBy, validate, yesOrNo } from "../validation.ts";
import { goFields, unlessEmpty } from "./go-json.ts";

/** The `type` of our plugin, which is the name of its program. */
export const OWN_TYPE = "lanyard";

/** What an entry of our plugin in a network's list is there for. */
export type OwnRole =
  /** Behind the cluster's network: the pod gets the networks of its annotations. */
  | { readonly kind: "podNetworks"; readonly shapesInterface: boolean }
  /** A network of its own: the interface that the runtime names is made. */
  | {
      readonly kind: "network";
      readonly target: Extract<NetworkTarget, { readonly kind: "PodNetwork" | "PodNetworkAttachment" }>;
      readonly qosClassName?: string;
      readonly isDefaultGateway: boolean;
    }
  /** Behind another plugin: the interface that it made is held to a class. */
  | { readonly kind: "shaping"; readonly qosClassName: string };

const ROLES =
  'what the plugin is for: {"podNetworkName": "fast"} or {"podNetworkAttachmentName": "fast-tuned"} for a network of its ' +
  'own, {"qosClassName": "gold"} behind another plugin, or {"attachPodNetworks": true} behind the cluster\'s network';

const objectName = unlessEmpty(parsedBy(parseObjectName));

const entry = goFields({
  attachPodNetworks: yesOrNo().default(false),
  shapeInterface: yesOrNo().default(true),
  podNetworkName: objectName,
  podNetworkAttachmentName: objectName,
  qosClassName: objectName,
  isDefaultGateway: yesOrNo().default(false),
});

/** What an entry is there for. Throws InvalidObjectError when it does not say so, or says two things. */
export function parseOwnRole(document: Readonly<Record<string, unknown>>, place: string): OwnRole {
  const read = validate(entry, document, place);
  const { podNetworkName, podNetworkAttachmentName, qosClassName, isDefaultGateway } = read;
  const named = {
    attachPodNetworks: read.attachPodNetworks || undefined,
    podNetworkName,
    podNetworkAttachmentName,
  };
  const purposes = Object.entries(named).filter(([, value]) => value !== undefined);
  if (purposes.length > 1) {
    throw refuse(place, Object.fromEntries(purposes), `only one of ${Object.keys(named).join(", ")}`);
  }
  if (read.attachPodNetworks) return { kind: "podNetworks", shapesInterface: read.shapeInterface };
  const target = targetOf(podNetworkName, podNetworkAttachmentName);
  if (target !== undefined) {
    return { kind: "network", target, ...(qosClassName !== undefined && { qosClassName }), isDefaultGateway };
  }
  if (qosClassName !== undefined) return { kind: "shaping", qosClassName };
  throw refuse(place, document, ROLES);
}

function targetOf(network: string | undefined, attachment: string | undefined) {
  if (network !== undefined) return { kind: "PodNetwork" as const, name: network };
  return attachment === undefined ? undefined : { kind: "PodNetworkAttachment" as const, name: attachment };
}

function refuse(place: string, value: unknown, expected: string): InvalidObjectError {
  return new InvalidObjectError([new InvalidValueError(place, value, expected)]);
}
