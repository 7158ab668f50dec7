import fc from "fast-check";
import type { AddressSettings, Lifetime, SettableAddressFlag } from "../../../../src/linux/route/address.ts";
import type { FdbSpec } from "../../../../src/linux/route/fdb.ts";
import { formatIp, networkBytes } from "../../../../src/linux/route/ip.ts";
import type { NeighbourSpec, NeighbourState } from "../../../../src/linux/route/neighbours.ts";
import type { NextHop } from "../../../../src/linux/route/next-hop.ts";
import type { RouteProtocol, RouteSpec, RouteType } from "../../../../src/linux/route/route.ts";
import type { Scope } from "../../../../src/linux/route/scope.ts";
import { joined, linkIndex, mac, maybe, record, u32 } from "./values.ts";

/** Addresses, routes, neighbours and forwarding entries as they can be asked for; a number stands only for what has no name. */

/** Both families, by the bytes of an address. */
const FAMILIES = [4, 16] as const;
type AddressSize = (typeof FAMILIES)[number];

export const ipBytes = (size: AddressSize) => fc.uint8Array({ minLength: size, maxLength: size });

const ip = (size: AddressSize) => ipBytes(size).map(formatIp);

const prefixLength = (size: AddressSize) => fc.integer({ min: 0, max: size * 8 });

/** A network in CIDR form, its host's bits cleared. */
const network = (size: AddressSize) =>
  fc
    .tuple(ipBytes(size), prefixLength(size))
    .map(
      ([bytes, length]) =>
        `${formatIp(networkBytes({ family: size === 4 ? 2 : 10, bytes, prefixLength: length }))}/${length}`,
    );

const scope: fc.Arbitrary<Scope> = fc.constantFrom<Scope>(
  "universe",
  "site",
  "link",
  "host",
  "nowhere",
  7,
  100,
);
const routeProtocol = fc.constantFrom<RouteProtocol>("boot", "static", "dhcp", "bgp", 5, 200);

const seconds = fc.integer({ min: 1, max: 0xffff_fffe });
const lifetimes: fc.Arbitrary<Pick<AddressSettings, "validLifetime" | "preferredLifetime">> = fc.oneof(
  fc.constant({}),
  record({ validLifetime: seconds }),
  record({ preferredLifetime: seconds }),
  fc.tuple(seconds, seconds).map(([one, other]) => ({
    validLifetime: Math.max(one, other),
    preferredLifetime: Math.min(one, other),
  })),
  record({
    validLifetime: fc.constant<Lifetime>("forever"),
    preferredLifetime: fc.oneof(fc.constant<Lifetime>("forever"), seconds),
  }),
);

/** In the order in which they are read. */
const FLAGS: readonly SettableAddressFlag[] = [
  "nodad",
  "optimistic",
  "home",
  "mngtmpaddr",
  "noprefixroute",
  "autojoin",
];

/** What an address can be asked for with. */
export interface WantedAddress {
  readonly link: number;
  readonly address: string;
  readonly settings: AddressSettings;
}

export const wantedAddress: fc.Arbitrary<WantedAddress> = fc.constantFrom(...FAMILIES).chain((size) =>
  record({
    link: linkIndex,
    address: fc.tuple(ip(size), prefixLength(size)).map(([address, length]) => `${address}/${length}`),
    settings: joined(
      maybe("peer", ip(size)),
      maybe("flags", fc.subarray([...FLAGS])),
      maybe("metric", u32),
      maybe("protocol", fc.constantFrom("kernel_lo", "kernel_ra", "kernel_ll", 9, 200)),
      lifetimes,
      ...(size === 4 ? [maybe("label", label), maybe("broadcast", ip(4)), maybe("scope", scope)] : []),
    ) as fc.Arbitrary<AddressSettings>,
  }),
);

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,6}:[a-z0-9]{1,6}$/);

const nextHop = (size: AddressSize): fc.Arbitrary<NextHop> =>
  joined(
    record({ link: linkIndex }),
    // An IPv4 route may lead to an IPv6 router.
    maybe("gateway", size === 4 ? fc.oneof(ip(4), ip(16)) : ip(16)),
    maybe("isOnLink", fc.boolean()),
  );

const weighed = (size: AddressSize): fc.Arbitrary<NextHop> =>
  joined(nextHop(size), maybe("weight", fc.integer({ min: 1, max: 256 })));

const positive = fc.integer({ min: 1, max: 0xffff_ffff });

export const wantedRoute: fc.Arbitrary<RouteSpec> = fc.constantFrom(...FAMILIES).chain(
  (size) =>
    joined(
      record({ destination: network(size) }),
      fc.oneof(
        nextHop(size),
        record({ nextHops: fc.array(weighed(size), { minLength: 2, maxLength: 4 }) }),
        record({ type: fc.constantFrom<RouteType>("blackhole", "unreachable", "prohibit", "throw") }),
      ),
      maybe("table", positive),
      maybe("protocol", routeProtocol),
      maybe("priority", u32),
      maybe("source", ip(size)),
      maybe("mtu", positive),
      maybe("advmss", positive),
      ...(size === 4
        ? [maybe("scope", scope)]
        : [
            maybe(
              "sourcePrefix",
              network(16).filter((prefix) => !prefix.endsWith("/0")),
            ),
            maybe("preference", fc.constantFrom("medium", "high", "low", 2)),
          ]),
    ) as fc.Arbitrary<RouteSpec>,
);

export const wantedNeighbour: fc.Arbitrary<NeighbourSpec> = joined(
  record({ link: linkIndex, address: fc.oneof(ip(4), ip(16)) }),
  maybe("mac", mac),
  maybe("state", fc.constantFrom<NeighbourState>("none", "reachable", "stale", "noarp", "permanent", 0x300)),
  maybe("isProxy", fc.boolean()),
  maybe("isRouter", fc.boolean()),
  maybe("isExternallyLearned", fc.boolean()),
  maybe("protocol", routeProtocol),
);

export const wantedFdbEntry: fc.Arbitrary<FdbSpec> = joined(
  record({
    link: linkIndex,
    mac,
    owner: fc.constantFrom("master", "self"),
    state: fc.constantFrom("permanent", "static", "dynamic"),
  }),
  maybe("vlan", fc.integer({ min: 1, max: 4094 })),
  maybe("isSticky", fc.boolean()),
  maybe("isExternallyLearned", fc.boolean()),
);
