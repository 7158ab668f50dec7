import ipaddr from "ipaddr.js";
import { z } from "zod";
import { isIpv6, parseGateway, parseNetworkAddress } from "../address.ts";
import { listOf, parsedBy, wholeNumber } from "../validation.ts";
import { goFields, unlessEmpty } from "./go-json.ts";

/** Largest number of 32 bits. */
const U32 = 2 ** 32 - 1;

/** A gateway; none where an empty text stands. */
export const optionalGateway = unlessEmpty(parsedBy(parseGateway));

/** What a route is told besides its destination and next hop (CNI 1.1.0). */
export const routeDetails = {
  mtu: wholeNumber(0, U32).optional(),
  advmss: wholeNumber(0, U32).optional(),
  priority: wholeNumber(0, U32).optional(),
  table: wholeNumber(0, U32).optional(),
  scope: wholeNumber(0, 255).optional(),
};

/** A route as configurations write it. */
export const route = goFields({
  dst: parsedBy(parseNetworkAddress),
  gw: optionalGateway,
  ...routeDetails,
}).superRefine(({ dst, gw }, context) => {
  if (gw !== undefined && isIpv6(gw) !== isIpv6(dst)) {
    context.addIssue({ code: "custom", path: ["gw"], message: `an address of the same family as ${dst}` });
  }
});

const name = z.string({ error: "text" });

/** What a pod is told of names. */
export const dns = goFields({
  nameservers: listOf(name).optional(),
  domain: unlessEmpty(name),
  search: listOf(name).optional(),
  options: listOf(name).optional(),
}).transform(withoutEmptyLists);

/** A list without entries says the same as none. */
function withoutEmptyLists<T extends object>(value: T): T {
  const said = Object.entries(value).filter(([, entry]) => !Array.isArray(entry) || entry.length > 0);
  return Object.fromEntries(said.filter(([, entry]) => entry !== undefined)) as T;
}

/** Whether an address is one of a network's, or of the network that an interface's address is in; `subnet` in CIDR form. */
export function isInSubnet(address: string, subnet: string): boolean {
  if (isIpv6(address) !== isIpv6(subnet)) return false;
  return ipaddr.parse(address).match(ipaddr.parseCIDR(subnet));
}
