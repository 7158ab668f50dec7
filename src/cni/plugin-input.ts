import { z } from "zod";
import { parseInterfaceAddress, parseMac } from "../model/address.ts";
import type { AttachmentOwner } from "../model/attachment.ts";
import { goFields, readJson, unlessEmpty } from "../model/cni/go-json.ts";
import type { BandwidthLimits } from "../model/cni/network-configuration.ts";
import { type OwnRole, parseOwnRole } from "../model/cni/own-plugin.ts";
import { type CniVersion, parseVersion } from "../model/cni/versions.ts";
import { isMapping } from "../model/device-plugin-reading.ts";
import { InvalidValueError, LanyardError } from "../model/errors.ts";
import { InvalidObjectError, listOf, parsedBy, textMap, validate, wholeNumber } from "../model/validation.ts";
import { ANNOTATIONS_CAPABILITY } from "./conflist.ts";

/** Where standard input stands in messages. */
const PLACE = "the plugin's configuration";

/** Standard input of a plugin, read as far as every command needs it. */
export interface PluginInput {
  readonly version: CniVersion;
  /** Name of the network. */
  readonly name: string;
  /** Everything as written. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** What an ADD or CHECK is told besides. */
export interface PluginWishes {
  /** CIDR form. */
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly bandwidth?: BandwidthLimits;
  /** As the kubelet calls it. */
  readonly deviceId?: string;
  /** The pod's annotations, where the runtime hands them over. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The result of the plugins before, as written. */
  readonly previous?: Readonly<Record<string, unknown>>;
  /** Keys of the entry that mean nothing here. */
  readonly unknownKeys: readonly string[];
}

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...["cniVersion", "name", "type", "capabilities", "runtimeConfig", "prevResult", "args", "agent"],
  ...["cni.dev/valid-attachments", "cni.dev/attachments"],
  ...["attachPodNetworks", "shapeInterface"],
  ...["podNetworkName", "podNetworkAttachmentName", "qosClassName", "isDefaultGateway"],
  ...["deviceID", "pciBusID"],
]);

const addresses = listOf(parsedBy(parseInterfaceAddress)).optional();
const macAddress = unlessEmpty(parsedBy(parseMac));
const deviceId = unlessEmpty(z.string({ error: "a device as the kubelet calls it" }));
const limit = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();

const wishes = goFields({
  deviceID: deviceId,
  runtimeConfig: goFields({
    ips: addresses,
    mac: macAddress,
    deviceID: deviceId,
    bandwidth: goFields({
      ingressRate: limit,
      ingressBurst: limit,
      egressRate: limit,
      egressBurst: limit,
    }).optional(),
    [ANNOTATIONS_CAPABILITY]: textMap().optional(),
  }).optional(),
  args: goFields({ cni: goFields({ ips: addresses, mac: macAddress }).optional() }).optional(),
  prevResult: z.record(z.string(), z.unknown(), { error: "a result: a mapping" }).optional(),
});

const collection = goFields({
  "cni.dev/valid-attachments": listOf(
    goFields({
      containerID: z.string({ error: "a container's id" }),
      ifname: z.string({ error: "an interface" }),
    }),
  ),
});

/** Reads standard input. Throws InvalidObjectError, and IncompatibleVersionError for a version that is not spoken here. */
export function parsePluginInput(text: string): PluginInput {
  const document = readJson(text, PLACE, "a network's configuration in JSON");
  if (!isMapping(document)) {
    throw new InvalidObjectError([
      new InvalidValueError(PLACE, document, "a mapping with cniVersion, name and type"),
    ]);
  }
  const { cniVersion, name } = document;
  const version = parseVersion(cniVersion, `${PLACE} cniVersion`);
  // STATUS and VERSION are asked without one.
  if (name !== undefined && typeof name !== "string")
    throw new InvalidValueError(`${PLACE} name`, name, "text");
  return { version, name: name ?? "", document };
}

/** What the entry is there for. Throws InvalidObjectError when it does not say so, or says two things. */
export function readRole({ document }: PluginInput): OwnRole {
  return parseOwnRole(document, PLACE);
}

/** Whether an entry is a network of its own, and stands behind no other plugin; not for one that cannot be read. */
export function isOfItsOwn(text: string): boolean {
  try {
    return readRole(parsePluginInput(text)).kind === "network";
  } catch (error) {
    if (error instanceof LanyardError) return false;
    throw error;
  }
}

/** What is told for one attachment: by the runtime first, then by the configuration's `args`. Throws InvalidObjectError. */
export function readWishes({ document }: PluginInput): PluginWishes {
  const { runtimeConfig = {}, args, prevResult, deviceID } = validate(wishes, document, PLACE);
  const mac = runtimeConfig.mac ?? args?.cni?.mac;
  const device = runtimeConfig.deviceID ?? deviceID;
  const annotations = runtimeConfig[ANNOTATIONS_CAPABILITY] ?? (handsOverNone(document) ? {} : undefined);
  return {
    ips: runtimeConfig.ips ?? args?.cni?.ips ?? [],
    ...(mac !== undefined && { mac }),
    ...(runtimeConfig.bandwidth !== undefined && { bandwidth: runtimeConfig.bandwidth }),
    ...(device !== undefined && { deviceId: device }),
    ...(annotations !== undefined && { annotations }),
    ...(prevResult !== undefined && { previous: prevResult }),
    unknownKeys: Object.keys(document).filter((key) => !KNOWN_KEYS.has(key)),
  };
}

/** The ADDs that a GC says are still wanted. Throws InvalidObjectError where it does not say. */
export function readValidAttachments({
  document,
}: PluginInput): Pick<AttachmentOwner, "sandbox" | "interfaceName">[] {
  const read = validate(collection, document, PLACE);
  return read["cni.dev/valid-attachments"].map(({ containerID, ifname }) => ({
    sandbox: containerID,
    interfaceName: ifname,
  }));
}

/** A pod without annotations has `null` for them. */
function handsOverNone({ runtimeConfig }: Readonly<Record<string, unknown>>): boolean {
  return isMapping(runtimeConfig) && runtimeConfig[ANNOTATIONS_CAPABILITY] === null;
}
