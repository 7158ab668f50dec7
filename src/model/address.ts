import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { InvalidValueError } from "./errors.ts";

/**
 * An interface address in CIDR form and one spelling (`fd00::1/64`). An address without a prefix
 * length is a host address (/32, /128). Throws InvalidValueError.
 */
export function parseInterfaceAddress(value: unknown, place: string): string {
  const parts = typeof value === "string" ? splitCidr(value) : undefined;
  if (parts === undefined) {
    throw new InvalidValueError(place, value, "an address such as 10.1.2.3/24 or fd00::3/64");
  }
  return `${parts.address}/${parts.prefix ?? parts.bits}`;
}

/** A network in CIDR form, as a route's destination: no bit is set behind the prefix. Throws InvalidValueError. */
export function parseNetworkAddress(value: unknown, place: string): string {
  const parts = typeof value === "string" ? splitCidr(value) : undefined;
  if (parts === undefined) {
    throw new InvalidValueError(place, value, "a network such as 10.1.0.0/16, fd00::/48 or 0.0.0.0/0");
  }
  const prefix = parts.prefix ?? parts.bits;
  const network = `${clearHostBits(parts.address, prefix)}/${prefix}`;
  if (network !== `${parts.address}/${prefix}`) {
    throw new InvalidValueError(place, value, `a network without host bits: "${network}"`);
  }
  return network;
}

/** One address without a prefix length, as a gateway, in one spelling. Throws InvalidValueError. */
export function parseGateway(value: unknown, place: string): string {
  const parts = typeof value === "string" ? splitCidr(value) : undefined;
  if (parts === undefined || parts.prefix !== undefined) {
    throw new InvalidValueError(place, value, "an address without a prefix length, such as 10.1.2.1");
  }
  return parts.address;
}

/** A unicast Ethernet address in lower case with colons. Throws InvalidValueError. */
export function parseMac(value: unknown, place: string): string {
  const isMac = typeof value === "string" && /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(value);
  if (!isMac) throw new InvalidValueError(place, value, "an Ethernet address such as 02:00:00:00:00:01");
  const mac = value.toLowerCase().replaceAll("-", ":");
  // is_valid_ether_addr(), include/linux/etherdevice.h: the kernel takes neither of these for an interface
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === "00:00:00:00:00:00") {
    throw new InvalidValueError(
      place,
      value,
      "an address of one interface: the first byte is even and not all are zero, such as 02:00:00:00:00:01",
    );
  }
  return mac;
}

/** Whether an address or network, with or without prefix length, is IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** Whether an address is of a network in CIDR form. */
export function isWithin(address: string, network: string): boolean {
  const [of, length] = ipaddr.parseCIDR(network);
  const own = ipaddr.parse(address);
  return own.kind() === of.kind() && own.match(of, length);
}

/** The first address behind that of the network itself, where gateways usually are: `10.1.2.1` for `10.1.2.9/24`. */
export function firstAddress(address: string): string {
  const [of, length] = ipaddr.parseCIDR(address);
  const family = of.kind() === "ipv6" ? ipaddr.IPv6 : ipaddr.IPv4;
  const bytes = family.networkAddressFromCIDR(address).toByteArray();
  // A network of one or two addresses has none to spare.
  if (length < bytes.length * 8 - 1) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) + 1;
  return ipaddr.fromByteArray(bytes).toString();
}

function splitCidr(text: string): { address: string; prefix?: number; bits: number } | undefined {
  const [written = "", length, ...rest] = text.split("/");
  // ipaddr.js alone would also take addresses with a zone, and IPv4 in octal or with fewer than four parts
  if (isIP(written) === 0 || written.includes("%") || rest.length > 0) return undefined;
  const parsed = ipaddr.parse(written);
  const bits = parsed.kind() === "ipv4" ? 32 : 128;
  const address = parsed.toString();
  if (length === undefined) return { address, bits };
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits) return undefined;
  return { address, prefix: Number(length), bits };
}

function clearHostBits(address: string, prefix: number): string {
  const family = isIpv6(address) ? ipaddr.IPv6 : ipaddr.IPv4;
  return family.networkAddressFromCIDR(`${address}/${prefix}`).toString();
}
