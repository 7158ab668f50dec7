import { z } from "zod";
import { isIpv6, parseInterfaceAddress } from "../address.ts";
import { isMapping } from "../device-plugin-reading.ts";
import { InvalidValueError } from "../errors.ts";
import { InvalidObjectError, listOf, parsedBy, text, validate, wholeNumber } from "../validation.ts";
import { dns, optionalGateway, routeDetails } from "./addressing.ts";
import { goFields, unlessEmpty } from "./go-json.ts";
import type { CniInterface, CniIp, CniResult, CniRoute } from "./result.ts";

/** The versions of the CNI specification that are spoken here, oldest first. */
export const SUPPORTED_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

/** What a document that names no version is written in (specification 0.1.0 had no such field at first). */
export const OLDEST_VERSION: CniVersion = "0.1.0";

/** A version of the specification that is not spoken here. */
export class IncompatibleVersionError extends InvalidValueError {
  constructor(place: string, version: unknown) {
    super(place, version, `one of ${SUPPORTED_VERSIONS.join(", ")}`);
  }
}

/** The version that is meant; the oldest where none is written. Throws IncompatibleVersionError. */
export function parseVersion(value: unknown, place: string): CniVersion {
  if (value === undefined || value === null || value === "") return OLDEST_VERSION;
  const known = SUPPORTED_VERSIONS.find((version) => version === value);
  if (known === undefined) throw new IncompatibleVersionError(place, value);
  return known;
}

/** Whether a version has what came with another. */
export function isAtLeast(version: CniVersion, other: CniVersion): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(other);
}

/*
 * Three forms of results came one after the other: until 0.2.0 one address of each family with its routes; from 0.3.0 on
 * lists of interfaces, addresses (until 0.4.0 with their family) and routes; from 1.1.0 on more about interfaces and routes.
 */

/** Of results a destination is taken as it is: programs give `10.1.2.3/16` for what the kernel would refuse to route. */
const route = goFields({ dst: parsedBy(parseInterfaceAddress), gw: optionalGateway, ...routeDetails });
const routes = listOf(route).optional();

const oldAddress = goFields({ ip: parsedBy(parseInterfaceAddress), gateway: optionalGateway, routes });

const oldForm = goFields({ ip4: oldAddress.optional(), ip6: oldAddress.optional(), dns: dns.optional() });

const optionalText = unlessEmpty(z.string({ error: "text" }));

const newForm = goFields({
  interfaces: listOf(
    goFields({
      name: text("an interface's name"),
      mac: optionalText,
      mtu: wholeNumber(0, 2 ** 31 - 1).optional(),
      sandbox: optionalText,
      socketPath: optionalText,
      pciID: optionalText,
    }),
  ).optional(),
  ips: listOf(
    goFields({
      address: parsedBy(parseInterfaceAddress),
      gateway: optionalGateway,
      interface: wholeNumber(0, 2 ** 31 - 1).optional(),
    }),
  ).optional(),
  routes,
  dns: dns.optional(),
});

/**
 * What a program printed for an ADD, in any version of the specification. `configured` is the version it was asked in, which
 * holds where it prints none. Throws InvalidObjectError.
 */
export function parseResult(
  document: unknown,
  place: string,
  configured: CniVersion = OLDEST_VERSION,
): CniResult {
  if (!isMapping(document)) throw refuse(new InvalidValueError(place, document, "a result: a mapping"));
  return isAtLeast(resultVersion(document.cniVersion || configured, place), "0.3.0")
    ? readNewForm(document, place)
    : readOldForm(document, place);
}

/** A result as a version of the specification writes it; what that does not know is left out. */
export function formatResult(result: CniResult, version: CniVersion): Readonly<Record<string, unknown>> {
  const body = isAtLeast(version, "0.3.0") ? writeNewForm(result, version) : writeOldForm(result);
  return { cniVersion: version, ...body, dns: result.dns };
}

function resultVersion(version: unknown, place: string): CniVersion {
  try {
    return parseVersion(version, `${place} cniVersion`);
  } catch (error) {
    throw error instanceof IncompatibleVersionError ? refuse(error) : error;
  }
}

function readOldForm(document: unknown, place: string): CniResult {
  const { ip4, ip6, dns } = validate(oldForm, document, place);
  const found = [ip4, ip6].filter((each) => each !== undefined);
  return {
    interfaces: [],
    ips: found.map(({ ip, gateway }) => compact<CniIp>({ address: ip, gateway })),
    routes: found.flatMap(({ routes }) => (routes ?? []).map(compact<CniRoute>)),
    dns: dns ?? {},
  };
}

function readNewForm(document: unknown, place: string): CniResult {
  const { interfaces, ips, routes, dns } = validate(newForm, document, place);
  return {
    interfaces: (interfaces ?? []).map(compact<CniInterface>),
    ips: (ips ?? []).map(compact<CniIp>),
    routes: (routes ?? []).map(compact<CniRoute>),
    dns: dns ?? {},
  };
}

function writeOldForm({ ips, routes }: CniResult) {
  const family = (isWanted: (address: string) => boolean) => {
    const ip = ips.find(({ address }) => isWanted(address));
    if (ip === undefined) return undefined;
    const own = routes.filter(({ dst }) => isWanted(dst)).map(({ dst, gw }) => compact({ dst, gw }));
    return compact({ ip: ip.address, gateway: ip.gateway, routes: own.length > 0 ? own : undefined });
  };
  return compact({ ip4: family((address) => !isIpv6(address)), ip6: family(isIpv6) });
}

function writeNewForm(result: CniResult, version: CniVersion) {
  const knowsDetails = isAtLeast(version, "1.1.0");
  const saysFamily = !isAtLeast(version, "1.0.0");
  const interfaces = knowsDetails
    ? result.interfaces
    : result.interfaces.map(({ name, mac, sandbox }) => compact({ name, mac, sandbox }));
  const ips = saysFamily
    ? result.ips.map((ip) => ({ version: isIpv6(ip.address) ? "6" : "4", ...ip }))
    : result.ips;
  const routes = knowsDetails ? result.routes : result.routes.map(({ dst, gw }) => compact({ dst, gw }));
  return Object.fromEntries(
    Object.entries({ interfaces, ips, routes }).filter(([, list]) => list.length > 0),
  );
}

/** The same without fields that say nothing. */
function compact<T extends object>(value: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}

function refuse(mistake: InvalidValueError): InvalidObjectError {
  return new InvalidObjectError([mistake]);
}
