import { z } from "zod";
import { parseInterfaceAddress, parseMac } from "../model/address.ts";
import { goFields, readJson, unlessEmpty } from "../model/cni/go-json.ts";
import { type NetworkConfiguration, parseNetworkConfiguration } from "../model/cni/network-configuration.ts";
import { isMapping } from "../model/device-plugin-reading.ts";
import { InvalidValueError } from "../model/errors.ts";
import { InvalidObjectError, listOf, parsedBy, text, textMap, validate } from "../model/validation.ts";

/** What Multus' shim and the dynamic-networks controller send. */
export interface MultusCall {
  readonly environment: ReadonlyMap<string, string>;
  /** The configuration as text. */
  readonly configuration: string;
  readonly attributes: InterfaceAttributes;
}

/** What the dynamic-networks controller wishes for one interface. */
export interface InterfaceAttributes {
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly cniArgs?: Readonly<Record<string, unknown>>;
}

const PLACE = "the call at Multus' socket";

/**
 * What a call may leave out, as it may before Multus' daemon: the dynamic-networks controller sends no CNI_PATH. Where
 * programs are is said by the agent's configuration, whatever the path.
 */
const UNSAID = { CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" };

const body = goFields({
  env: textMap("a mapping with CNI_COMMAND and the others"),
  config: text("the configuration in base64"),
  interfaceAttributes: goFields({
    ips: listOf(parsedBy(parseWishedAddress)).default([]),
    mac: unlessEmpty(parsedBy(parseMac)),
    "cni-args": z.record(z.string(), z.unknown(), { error: "a mapping" }).optional(),
  }).optional(),
});

/** Reads a call. Throws InvalidObjectError. */
export function parseMultusCall(written: string): MultusCall {
  const document = readJson(written, PLACE, "JSON with env and config");
  const { env, config, interfaceAttributes } = validate(body, document, PLACE);
  const { ips = [], mac, "cni-args": cniArgs } = interfaceAttributes ?? {};
  return {
    environment: new Map(Object.entries({ ...UNSAID, ...env })),
    configuration: Buffer.from(config, "base64").toString(),
    attributes: { ips, ...(mac !== undefined && { mac }), ...(cniArgs !== undefined && { cniArgs }) },
  };
}

/** How Multus' configuration says the cluster's network. */
export type ClusterNetwork =
  | { readonly kind: "configuration"; readonly configuration: NetworkConfiguration }
  /** By the `name` it has in its file, or by the path of that. */
  | { readonly kind: "name" | "path"; readonly name: string };

/** The cluster's network that Multus' configuration names; the first of `delegates`, otherwise `clusterNetwork`. Throws InvalidObjectError. */
export function readClusterNetwork(document: Readonly<Record<string, unknown>>): ClusterNetwork {
  const { delegates, clusterNetwork } = document;
  const place = "configuration of multus";
  if (Array.isArray(delegates) && isMapping(delegates[0])) {
    const configuration = parseNetworkConfiguration(delegates[0], `${place} delegates[0]`);
    return { kind: "configuration", configuration };
  }
  if (typeof clusterNetwork === "string" && clusterNetwork !== "") {
    return { kind: clusterNetwork.startsWith("/") ? "path" : "name", name: clusterNetwork };
  }
  const expected =
    "the name or the path of the cluster's network, or its configuration as the first of delegates";
  throw new InvalidObjectError([new InvalidValueError(`${place} clusterNetwork`, clusterNetwork, expected)]);
}

/**
 * What Multus' configuration asks for and is said to the agent elsewhere: passed over, pods would lack networks, or have
 * those of others. Throws InvalidObjectError.
 *
 * @param isIsolated whether the agent keeps pods from networks of other namespaces
 */
export function refuseUnserved(document: Readonly<Record<string, unknown>>, isIsolated: boolean): void {
  const { delegates, defaultNetworks, namespaceIsolation } = document;
  const isMore = (list: unknown, most: number) => Array.isArray(list) && list.length > most;
  const unserved = {
    ...(isMore(delegates, 1) && {
      delegates: "only the cluster's network; name the others in cni.defaultNetworks",
    }),
    ...(isMore(defaultNetworks, 0) && { defaultNetworks: "none; name them in cni.defaultNetworks" }),
    ...(namespaceIsolation === true &&
      !isIsolated && { namespaceIsolation: "false, or cni.namespaceIsolation: true" }),
  };
  const mistakes = Object.entries(unserved).map(
    ([field, expected]) =>
      new InvalidValueError(`configuration of multus ${field}`, document[field], expected),
  );
  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
}

/** Stays as it is written: what an address without a prefix length means is for the network's plugins to say. */
function parseWishedAddress(value: unknown, place: string): string {
  parseInterfaceAddress(value, place);
  return value as string;
}
