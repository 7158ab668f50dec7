import ipaddr from "ipaddr.js";
import { parseGateway, parseNetworkAddress } from "../../address.ts";
import { InvalidValueError } from "../../errors.ts";
import { listOf, parsedBy, validate } from "../../validation.ts";
import { dns, isInSubnet, optionalGateway, route } from "../addressing.ts";
import { goFields, unlessEmpty } from "../go-json.ts";
import type { RangeIpam } from "../known-plugin.ts";
import type { Wishes } from "./plugin-reader.ts";

const schema = goFields({
  subnet: parsedBy(parseNetworkAddress),
  rangeStart: unlessEmpty(parsedBy(parseGateway)),
  rangeEnd: unlessEmpty(parsedBy(parseGateway)),
  gateway: optionalGateway,
  routes: listOf(route).default([]),
  dns: dns.default({}),
});

/** Reads `{"type": "range", "subnet": "10.1.0.0/16"}`: addresses that the agent itself gives out on this node. */
export function readRange(
  written: unknown,
  argsIps: readonly unknown[] | undefined,
  { runtime, place }: Wishes,
): RangeIpam {
  const wished = runtime.ips ?? argsIps;
  if (wished !== undefined && wished.length > 0) {
    throw new InvalidValueError(
      `${place} ips`,
      wished,
      "no addresses: a range gives them; static takes wished ones",
    );
  }
  const { subnet, rangeStart, rangeEnd, gateway, routes, dns } = validate(schema, written, `${place} ipam`);
  for (const [field, address] of Object.entries({ rangeStart, rangeEnd, gateway })) {
    if (address === undefined || isInSubnet(address, subnet)) continue;
    throw new InvalidValueError(`${place} ipam.${field}`, address, `an address of the subnet ${subnet}`);
  }
  if (rangeStart !== undefined && rangeEnd !== undefined && isBehind(rangeStart, rangeEnd)) {
    throw new InvalidValueError(`${place} ipam.rangeEnd`, rangeEnd, `an address not before ${rangeStart}`);
  }
  return {
    type: "range",
    subnet,
    ...(rangeStart !== undefined && { rangeStart }),
    ...(rangeEnd !== undefined && { rangeEnd }),
    ...(gateway !== undefined && { gateway }),
    routes,
    dns,
  };
}

/** Both are of one family. */
function isBehind(one: string, other: string): boolean {
  return Buffer.compare(bytesOf(one), bytesOf(other)) > 0;
}

function bytesOf(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}
