import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { InvalidValueError } from "../../model/errors.ts";

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

/** An address with the length of its network's prefix, ready for the kernel. */
export interface IpPrefix {
  readonly family: typeof AF_INET | typeof AF_INET6;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

/** Reads `10.0.0.1/24` or `fd00::1/64`; without a length it is a host address. Throws InvalidValueError. */
export function parsePrefix(text: string): IpPrefix {
  const [address, length, ...rest] = text.split("/");
  const bytes = readIp(address ?? "");
  if (bytes === undefined || rest.length > 0) {
    throw new InvalidValueError(
      "address",
      text,
      "an IP address with an optional prefix length, such as 10.0.0.1/24",
    );
  }
  const longest = bytes.length * 8;
  const prefixLength = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefixLength < 0 || prefixLength > longest) {
    throw new InvalidValueError("address", text, `a prefix length from 0 to ${longest}`);
  }
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes, prefixLength };
}

/** Reads an address without a prefix length; `place` says what it is. Throws InvalidValueError. */
export function parseIp(text: string, place: string): Omit<IpPrefix, "prefixLength"> {
  const bytes = readIp(text);
  if (bytes === undefined)
    throw new InvalidValueError(place, text, "an IP address such as 10.0.0.1 or fd00::1");
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes };
}

/** Writes 4 or 16 bytes as people write an address. */
export function formatIp(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** The network a prefix lies in: the host's bits cleared. */
export function networkBytes({ bytes, prefixLength }: IpPrefix): Uint8Array {
  return bytes.map((byte, at) => {
    const kept = Math.max(0, Math.min(8, prefixLength - at * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

/**
 * The address that reaches all of an IPv4 network: `10.0.0.255` of `10.0.0.1/24`. Undefined where there is none: networks of
 * one or two addresses (RFC 3021), and IPv6. Throws InvalidValueError.
 */
export function broadcastAddress(text: string): string | undefined {
  const prefix = parsePrefix(text);
  const { family, prefixLength } = prefix;
  if (family !== AF_INET || prefixLength > 30) return undefined;
  const mask = networkBytes({ family, prefixLength, bytes: new Uint8Array(4).fill(0xff) });
  return formatIp(networkBytes(prefix).map((byte, at) => byte | (~(mask[at] ?? 0) & 0xff)));
}

/** Reads `02:00:00:00:00:01`; `place` says whose it is. Throws InvalidValueError. */
export function parseMac(text: string, place = "MAC address"): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new InvalidValueError(place, text, "six bytes in hexadecimal, such as 02:00:00:00:00:01");
  }
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** Codes of the hexadecimal digits. */
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const COLON = 58;

/** Writes a link-layer address in lower case with colons. */
export function formatMac(bytes: Uint8Array): string {
  return readMac(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}

/** The same for an address that stands somewhere in a message. */
export function readMac(view: DataView, at: number, size: number): string {
  const high = (position: number) => DIGITS[view.getUint8(at + position) >> 4] as number;
  const low = (position: number) => DIGITS[view.getUint8(at + position) & 15] as number;
  // In one piece, because every link has one.
  if (size === 6)
    // biome-ignore format: one byte a line
    return String.fromCharCode(
      high(0), low(0), COLON,
      high(1), low(1), COLON,
      high(2), low(2), COLON,
      high(3), low(3), COLON,
      high(4), low(4), COLON,
      high(5), low(5),
    );
  return Array.from({ length: size }, (_, position) =>
    String.fromCharCode(high(position), low(position)),
  ).join(":");
}

/** 4 or 16 bytes; undefined for what is no address. */
function readIp(text: string): Uint8Array | undefined {
  // ipaddr.js alone would also take addresses with a zone, and IPv4 in octal or with fewer than four parts.
  return isIP(text) === 0 || text.includes("%")
    ? undefined
    : Uint8Array.from(ipaddr.parse(text).toByteArray());
}
