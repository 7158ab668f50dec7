import ipaddr from "ipaddr.js";
import { InvalidValueError } from "../../model/errors.ts";

export const AF_UNSPEC = 0;
export const AF_INET = 2;
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
  const bytes =
    address !== undefined && ipaddr.isValid(address) ? ipaddr.parse(address).toByteArray() : undefined;
  if (
    bytes === undefined ||
    rest.length > 0 ||
    (bytes.length === 4 && !ipaddr.IPv4.isValidFourPartDecimal(address ?? ""))
  ) {
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
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes: Uint8Array.from(bytes), prefixLength };
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

/** Reads `02:00:00:00:00:01`. Throws InvalidValueError. */
export function parseMac(text: string): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new InvalidValueError("MAC address", text, "six bytes in hexadecimal, such as 02:00:00:00:00:01");
  }
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** Writes a link-layer address in lower case with colons. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
