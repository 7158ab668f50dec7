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

/** Reads `02:00:00:00:00:01`; `place` says whose it is. Throws InvalidValueError. */
export function parseMac(text: string, place = "MAC address"): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new InvalidValueError(place, text, "six bytes in hexadecimal, such as 02:00:00:00:00:01");
  }
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** Two hexadecimal digits for each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Writes a link-layer address in lower case with colons. */
export function formatMac(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at++) {
    if (at > 0) text += ":";
    text += HEX[bytes[at] as number];
  }
  return text;
}

/** 4 or 16 bytes; undefined for what is no address. */
function readIp(text: string): Uint8Array | undefined {
  // ipaddr.js alone would also take addresses with a zone, and IPv4 in octal or with fewer than four parts.
  return isIP(text) === 0 || text.includes("%")
    ? undefined
    : Uint8Array.from(ipaddr.parse(text).toByteArray());
}
