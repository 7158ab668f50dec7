import ipaddr from "ipaddr.js";
import type { RangeIpam } from "../../model/cni/known-plugin.ts";
import { LanyardError } from "../../model/errors.ts";

/** First and last address that a range gives out, as numbers, and those between that it does not. */
interface Bounds {
  readonly first: bigint;
  readonly last: bigint;
  readonly reserved: ReadonlySet<bigint>;
}

/**
 * The first free address of a range after `last`, the one that was given out before it, so that an address that just came
 * back is given out late: neighbours may still take it for its former owner's. `taken` holds addresses without prefix
 * length, in one spelling. Throws LanyardError `unavailable` when none is free.
 *
 * The subnet's own address and its broadcast address are never given out, nor is the gateway. IPv6 has no broadcast, and
 * subnets of two addresses or one have neither (RFC 3021).
 */
export function nextFreeAddress(
  range: RangeIpam,
  taken: ReadonlySet<string>,
  last: string | undefined,
): string {
  const { first, last: end, reserved } = boundsOf(range);
  const size = end - first + 1n;
  const start = last === undefined ? first : numberOf(last) + 1n;
  const offset = start < first || start > end ? 0n : start - first;
  // No more can be taken than are looked at.
  const looks = BigInt(taken.size + reserved.size) + 1n;
  for (let look = 0n; look < looks && look < size; look++) {
    const number = first + ((offset + look) % size);
    const address = textOf(number, range.subnet);
    if (!reserved.has(number) && !taken.has(address)) return address;
  }
  const isGiven = (number: bigint) => number >= first && number <= end && !reserved.has(number);
  throw new LanyardError(
    "unavailable",
    `no address is free of ${textOf(first, range.subnet)} to ${textOf(end, range.subnet)} in ${range.subnet}: ` +
      `all ${[...taken].map(numberOf).filter(isGiven).length} are given out; make the range larger`,
  );
}

function boundsOf({ subnet, rangeStart, rangeEnd, gateway }: RangeIpam): Bounds {
  const [network, prefix] = ipaddr.parseCIDR(subnet);
  const isIpv4 = network.kind() === "ipv4";
  const hostBits = BigInt((isIpv4 ? 32 : 128) - prefix);
  const lowest = (numberOf(network.toString()) >> hostBits) << hostBits;
  const highest = lowest + (1n << hostBits) - 1n;
  const own = hostBits > 1n ? [lowest, ...(isIpv4 ? [highest] : [])] : [];
  const reserved = [...own, ...(gateway === undefined ? [] : [numberOf(gateway)])];
  return {
    first: rangeStart === undefined ? lowest : numberOf(rangeStart),
    last: rangeEnd === undefined ? highest : numberOf(rangeEnd),
    reserved: new Set(reserved),
  };
}

function numberOf(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** The address of this number, of the family that `like` is of. */
function textOf(number: bigint, like: string): string {
  const length = like.includes(":") ? 16 : 4;
  const bytes = Array.from({ length }, (_, at) => Number((number >> BigInt(8 * (length - 1 - at))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}
