import ipaddr from "ipaddr.js";
import { firstAddress, isIpv6 } from "../../model/address.ts";
import type { CniDns, CniIp, CniResult, CniRoute } from "../../model/cni/result.ts";
import { LanyardError } from "../../model/errors.ts";
import type { AttachmentRequest, RouteRequest } from "../request.ts";

/** What an interface was given that was not known beforehand. */
export type Leased = Pick<CniResult, "ips" | "routes" | "dns">;

/** The request with what was given out for it, as if that had been known: what is planned. */
export function completeRequest(request: AttachmentRequest, leased: Leased | undefined): AttachmentRequest {
  if (leased === undefined) return request;
  const { ipam: _, ...known } = request;
  const isGateway = request.link.type === "bridge" && request.link.bridge?.isGateway === true;
  const ips = isGateway ? leased.ips.map(withFirstAsGateway) : leased.ips;
  return {
    ...known,
    addresses: [...request.addresses, ...ips.map(({ address }) => address)],
    gateways: [...(request.gateways ?? []), ...ips.flatMap(({ gateway }) => gateway ?? [])],
    routes: [...request.routes, ...leased.routes.map((route) => routeRequest(route, ips))],
    // What the network says of names counts more than what came with the addresses.
    dns: saysSomething(request.dns) ? request.dns : leased.dns,
  };
}

/** A bridge that is the gateway has the first address of a subnet whose gateway nobody names. */
function withFirstAsGateway(ip: CniIp): CniIp {
  return { ...ip, gateway: ip.gateway ?? firstAddress(ip.address) };
}

/** The request with the gateways that a program told of which made the whole link. */
export function withGatewaysOf(request: AttachmentRequest, told: CniResult | undefined): AttachmentRequest {
  return { ...request, gateways: (told?.ips ?? []).flatMap(({ gateway }) => gateway ?? []) };
}

/** Throws LanyardError for a request that wants the pod's default routes by gateways that did not come. */
export function refuseMissingGateway({
  defaultGateways,
  gateways = [],
  interfaceName,
}: AttachmentRequest): void {
  if (defaultGateways === undefined || defaultGateways.length > 0 || gateways.length > 0) return;
  throw new LanyardError(
    "invalid",
    `${interfaceName} shall carry the pod's default routes, but its addresses came without a gateway; ` +
      "expected one in the configuration of what gives them out",
  );
}

/** A route as the kernel is asked for it; one without a next hop goes by way of its addresses' gateway. */
function routeRequest(route: CniRoute, ips: readonly CniIp[]): RouteRequest {
  const { dst, gw, mtu, advmss, priority, table, scope } = route;
  const gateway =
    gw ?? ips.find((ip) => ip.gateway !== undefined && isIpv6(ip.gateway) === isIpv6(dst))?.gateway;
  return {
    destination: dst,
    ...(gateway === undefined ? {} : { gateway }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advertisedMss: advmss }),
    ...(priority === undefined ? {} : { priority }),
    ...(table === undefined ? {} : { table }),
    ...(scope === undefined ? {} : { scope }),
  };
}

/** The gateway of an address: the one in its subnet; of an address that is alone there, the one of its family. */
export function gatewayOf(address: string, gateways: readonly string[]): string | undefined {
  const [ip, prefix] = ipaddr.parseCIDR(address);
  const ofFamily = gateways.filter((gateway) => isIpv6(gateway) === isIpv6(address));
  const isAlone = prefix === (ip.kind() === "ipv4" ? 32 : 128);
  return ofFamily.find((gateway) => isAlone || ipaddr.parse(gateway).match(ip, prefix));
}

function saysSomething(dns: CniDns | undefined): dns is CniDns {
  return dns !== undefined && Object.values(dns).some((value) => value !== undefined && value.length > 0);
}
