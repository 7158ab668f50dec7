import { isIpv6 } from "../../model/address.ts";
import type { NetworkReference } from "../../model/attachment.ts";
import type { StaticIpam } from "../../model/cni/known-plugin.ts";
import { LanyardError } from "../../model/errors.ts";
import { completeRequest } from "../lease/leased.ts";
import type { AttachmentRequest } from "../request.ts";

/** The request with addresses that are known beforehand. */
export function withStaticAddresses(
  request: AttachmentRequest,
  { addresses, routes, dns }: Omit<StaticIpam, "type">,
): AttachmentRequest {
  const {
    gateways = [],
    dns: names = {},
    ...rest
  } = completeRequest(request, { ips: addresses, routes, dns });
  return {
    ...rest,
    ...(gateways.length > 0 && { gateways: [...new Set(gateways)] }),
    ...(Object.keys(names).length > 0 && { dns: names }),
  };
}

/**
 * The request with the pod's default routes, where the reference wants them by this way. `expected` says where the network
 * would name a gateway. Throws LanyardError where there is none.
 */
export function withDefaultRoutes(
  request: AttachmentRequest,
  { isDefaultGateway, defaultGateways }: NetworkReference,
  who: string,
  expected: string,
): AttachmentRequest {
  if (defaultGateways !== undefined && defaultGateways.length > 0) return { ...request, defaultGateways };
  if (!isDefaultGateway) return request;
  // They come with the addresses.
  if (request.ipam !== undefined || request.link.type === "plugin")
    return { ...request, defaultGateways: [] };
  const gateways = (request.gateways ?? []).filter((gateway) =>
    request.addresses.some((address) => isIpv6(address) === isIpv6(gateway)),
  );
  if (gateways.length > 0) return { ...request, defaultGateways: gateways };
  throw new LanyardError("invalid", `${who}: isDefaultGateway is set, but ${expected}`);
}
