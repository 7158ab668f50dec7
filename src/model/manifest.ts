import {
  DEFINITION_API_VERSION,
  type NetworkAttachmentDefinition,
  parseNetworkAttachmentDefinition,
} from "./cni/network-attachment-definition.ts";
import { isMapping } from "./device-plugin-reading.ts";
import { type DevicePolicy, parseDevicePolicy } from "./device-policy.ts";
import { InvalidValueError } from "./errors.ts";
import { type LinkProfile, parseLinkProfile } from "./link-profile.ts";
import { suggest } from "./nearest.ts";
import { API_VERSION } from "./object.ts";
import { type PodManifest, parsePodManifest } from "./pod-manifest.ts";
import { type PodNetwork, parsePodNetwork } from "./pod-network.ts";
import { type PodNetworkAttachment, parsePodNetworkAttachment } from "./pod-network-attachment.ts";
import { parseQosClass, type QosClass } from "./qos-class.ts";
import { InvalidObjectError } from "./validation.ts";

/** Any object a manifest may hold. Told apart by `kind`. */
export type Manifest =
  | PodNetwork
  | LinkProfile
  | QosClass
  | PodNetworkAttachment
  | NetworkAttachmentDefinition
  | DevicePolicy
  | PodManifest;

type Parser = (document: unknown, place: string) => Manifest;

const NAMESPACED: ReadonlySet<unknown> = new Set([
  "PodNetworkAttachment",
  "NetworkAttachmentDefinition",
  "Pod",
]);

const PARSERS: ReadonlyMap<string, { readonly apiVersion: string; readonly parse: Parser }> = new Map([
  ["PodNetwork", { apiVersion: API_VERSION, parse: parsePodNetwork }],
  ["LinkProfile", { apiVersion: API_VERSION, parse: parseLinkProfile }],
  ["QosClass", { apiVersion: API_VERSION, parse: parseQosClass }],
  ["PodNetworkAttachment", { apiVersion: API_VERSION, parse: parsePodNetworkAttachment }],
  [
    "NetworkAttachmentDefinition",
    { apiVersion: DEFINITION_API_VERSION, parse: parseNetworkAttachmentDefinition },
  ],
  ["DevicePolicy", { apiVersion: API_VERSION, parse: parseDevicePolicy }],
  ["Pod", { apiVersion: "v1", parse: parsePodManifest }],
]);

/**
 * The object a document describes. `place` is where the document stands, for example `qos.yaml#2`, and
 * begins every message. Throws InvalidObjectError.
 */
export function parseManifest(document: unknown, place: string): Manifest {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw refuse(place, document, "a mapping with apiVersion, kind, metadata and spec");
  }
  const { apiVersion, kind } = document as Record<string, unknown>;
  const kinds = [...PARSERS.keys()];
  const parser = typeof kind === "string" ? PARSERS.get(kind) : undefined;
  if (parser === undefined)
    throw refuse(`${place} kind`, kind, `one of ${kinds.join(", ")}${suggest(kind, kinds)}`);
  if (apiVersion !== parser.apiVersion) {
    throw refuse(`${place} apiVersion`, apiVersion, `"${parser.apiVersion}" for a ${kind}`);
  }
  return parser.parse(document, place);
}

/** What makes an object that object: its kind, its namespace where it has one, and its name. */
export function manifestKey(manifest: Manifest): string {
  return "namespace" in manifest
    ? `${manifest.kind} ${manifest.namespace}/${manifest.name}`
    : `${manifest.kind} ${manifest.name}`;
}

/** The key of an object that cannot be read as a whole; undefined where it does not say which it is. */
export function writtenKey(document: unknown): string | undefined {
  if (!isMapping(document) || !isMapping(document.metadata)) return undefined;
  const { kind, metadata } = document;
  const { name, namespace = "default" } = metadata;
  return NAMESPACED.has(kind) ? `${kind} ${namespace}/${name}` : `${kind} ${name}`;
}

function refuse(place: string, value: unknown, expected: string): InvalidObjectError {
  return new InvalidObjectError([new InvalidValueError(place, value, expected)]);
}
