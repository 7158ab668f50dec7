import { z } from "zod";
import { isIpv6, parseGateway, parseInterfaceAddress, parseMac } from "../address.ts";
import type { NetworkReference } from "../attachment.ts";
import { InvalidValueError } from "../errors.ts";
import { parseInterfaceName, parseObjectName } from "../names.ts";
import { namespaceName } from "../object.ts";
import { InvalidObjectError, listOf, parsedBy, text, validate, wholeNumber } from "../validation.ts";
import { goFields, readJson, unlessEmpty } from "./go-json.ts";

/** The pod annotation that names NetworkAttachmentDefinitions (multi-network specification 1.3). */
export const NETWORK_SELECTION_ANNOTATION = "k8s.v1.cni.cncf.io/networks";

/** The key of `cni-args` that names the container whose device is to be used. */
const CONTAINER_ARGUMENT = "lanyard.dev/container";

const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();
const port = wholeNumber(1, 65_535);
const interfaceName = unlessEmpty(parsedBy(parseInterfaceName));

const element = goFields({
  name: parsedBy(parseObjectName),
  namespace: unlessEmpty(namespaceName()),
  interface: interfaceName,
  // What `interface` was called until Multus 3.2.
  interfaceRequest: interfaceName,
  ips: listOf(parsedBy(parseWishedAddress)).default([]),
  mac: unlessEmpty(parsedBy(parseMac)),
  "infiniband-guid": unlessEmpty(parsedBy(parseGuid)),
  portMappings: listOf(
    goFields({
      hostPort: port,
      containerPort: port,
      protocol: unlessEmpty(text("tcp, udp or sctp")),
      hostIP: unlessEmpty(parsedBy(parseGateway)),
    }),
  ).default([]),
  bandwidth: goFields({
    ingressRate: amount,
    ingressBurst: amount,
    egressRate: amount,
    egressBurst: amount,
  }).optional(),
  "cni-args": z.record(z.string(), z.unknown(), { error: "a mapping" }).optional(),
  "default-route": listOf(parsedBy(parseGateway)).default([]),
  deviceID: unlessEmpty(text("a device as the kubelet calls it")),
  // Who gives out addresses by claims reads this itself, from the same annotation.
  "ipam-claim-reference": unlessEmpty(text("the name of an IPAMClaim")),
}).superRefine((written, context) => {
  const refuse = (path: (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  if (written.ips.length > 0 && written["ipam-claim-reference"] !== undefined) {
    refuse(["ipam-claim-reference"], "ips or ipam-claim-reference, not both");
  }
  const families = written["default-route"].map(isIpv6);
  for (const [index, family] of families.entries()) {
    if (families.indexOf(family) < index) refuse(["default-route", index], "one gateway of each family");
  }
});

type Element = z.infer<typeof element>;

/**
 * The networks that the annotation names; none when it is absent or empty. It is JSON when it has one of `[`, `{` and `"` in
 * it, and otherwise a list `namespace/name@interface` with commas between. Networks without a namespace are of the pod's own.
 * `before` networks come before these, where interfaces are named by position. Throws InvalidObjectError.
 */
export function parseNetworkSelection(
  annotation: string | undefined,
  podNamespace: string,
  place: string,
  before = 0,
): readonly NetworkReference[] {
  if (annotation === undefined || annotation.trim() === "") return [];
  const elements = /[[{"]/.test(annotation)
    ? validate(listOf(element), readJson(annotation, place, JSON_FORM), place)
    : parseCommaList(annotation, place);
  const references = elements.map((each, index) => referenceOf(each, before + index, podNamespace));
  refuseCollisions(references, place);
  return references;
}

const JSON_FORM = 'a JSON list such as [{"name": "fast", "interface": "data"}]';
const COMMA_FORM = "networks such as fast,storage/backup@data";

function parseCommaList(annotation: string, place: string): readonly Element[] {
  return annotation.split(",").map((item, index) => {
    const match = /^(?:([^/@]*)\/)?([^/@]+)(?:@([^/@]+))?$/.exec(item.trim());
    if (match === null) throw new InvalidObjectError([new InvalidValueError(place, annotation, COMMA_FORM)]);
    const [namespace, name, interfaceName] = match.slice(1).map((part) => part?.trim());
    return validate(element, { namespace, name, interface: interfaceName }, `${place}[${index}]`);
  });
}

function referenceOf(written: Element, position: number, podNamespace: string): NetworkReference {
  const { name, namespace = podNamespace, ips, mac, portMappings, bandwidth, deviceID } = written;
  const { [CONTAINER_ARGUMENT]: containerName, ...cniArgs } = written["cni-args"] ?? {};
  const infinibandGuid = written["infiniband-guid"];
  return {
    target: { kind: "NetworkAttachmentDefinition", namespace, name },
    interfaceName: written.interface ?? written.interfaceRequest ?? `net${position + 1}`,
    ips,
    isDefaultGateway: false,
    ...(mac !== undefined && { mac }),
    ...(written["default-route"].length > 0 && { defaultGateways: written["default-route"] }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(portMappings.length > 0 && { portMappings }),
    ...(infinibandGuid !== undefined && { infinibandGuid }),
    ...(Object.keys(cniArgs).length > 0 && { cniArgs }),
    ...(deviceID !== undefined && { deviceId: deviceID }),
    ...(typeof containerName === "string" && { containerName }),
  };
}

function refuseCollisions(references: readonly NetworkReference[], place: string): void {
  const mistakes: InvalidValueError[] = [];
  for (const [index, { interfaceName, defaultGateways }] of references.entries()) {
    const before = references.slice(0, index);
    const sameName = before.findIndex((other) => other.interfaceName === interfaceName);
    if (sameName >= 0) {
      const expected = `a name of its own: entry ${sameName} is called ${interfaceName} too`;
      mistakes.push(new InvalidValueError(`${place}[${index}].interface`, interfaceName, expected));
    }
    const gateway = before.findIndex((other) => other.defaultGateways !== undefined);
    if (defaultGateways !== undefined && gateway >= 0) {
      const expected = `only one network with a default route: entry ${gateway} has it already`;
      mistakes.push(new InvalidValueError(`${place}[${index}]["default-route"]`, defaultGateways, expected));
    }
  }
  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
}

/** Stays as it is written: what an address without a prefix length means is for the network's plugins to say. */
function parseWishedAddress(value: unknown, place: string): string {
  parseInterfaceAddress(value, place);
  return value as string;
}

/** 64 bits, as InfiniBand has for ports. Throws InvalidValueError. */
function parseGuid(value: unknown, place: string): string {
  if (typeof value === "string" && /^[\da-f]{2}([:-][\da-f]{2}){7}$/i.test(value)) {
    return value.toLowerCase().replaceAll("-", ":");
  }
  throw new InvalidValueError(place, value, "a GUID such as c2:11:22:33:44:55:66:77");
}
