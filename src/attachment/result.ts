import type { Link } from "../linux/route/link.ts";
import type { CniInterface, CniResult, CniRoute } from "../model/cni/result.ts";
import { gatewayOf } from "./lease/leased.ts";
import type { LinkLookup } from "./link/lookup.ts";
import type { AttachmentRequest, RouteRequest } from "./request.ts";
import { hostEndName } from "./types/bridge.ts";

/** Where an attachment is looked at. */
export interface ResultSources {
  readonly podLinks: LinkLookup;
  readonly hostLinks: LinkLookup;
  readonly namespacePath: string;
  /** What a program said last of the attachment; undefined where none was run. */
  readonly told: CniResult | undefined;
}

/**
 * What a runtime is told of an attachment, from the links as they are now: the same as of the reference plugin of its type
 * and of sriov-cni. `request` holds all addresses, also those that were given out for it. A VF that a program drives has no
 * link to look at.
 */
export async function resultOf(
  request: AttachmentRequest,
  { podLinks, hostLinks, namespacePath, told }: ResultSources,
): Promise<CniResult> {
  const { interfaceName, link, gateways = [] } = request;
  const found = await podLinks.find(interfaceName);
  if (told !== undefined) return asItIsNow(told, interfaceName, found);
  const onNode =
    link.type === "bridge"
      ? await Promise.all([hostLinks.get(link.parent), hostLinks.get(hostEndName(request))])
      : [];
  const own: CniInterface = {
    name: interfaceName,
    ...(found === undefined ? macOf(request) : describe(found)),
    sandbox: namespacePath,
    ...functionOf(request),
  };
  return {
    interfaces: [...onNode.map((each) => ({ name: each.name, ...describe(each) })), own],
    ips: request.addresses.map((address) => {
      const gateway = gatewayOf(address, gateways);
      return { address, ...(gateway === undefined ? {} : { gateway }), interface: onNode.length };
    }),
    routes: request.routes.map(routeOf),
    dns: request.dns ?? {},
  };
}

/** What a program said, with the pod's link as it was changed afterwards. */
function asItIsNow(told: CniResult, name: string, link: Link | undefined): CniResult {
  if (link === undefined) return told;
  const interfaces = told.interfaces.map((each) =>
    each.name === name && each.sandbox !== undefined ? { ...each, ...describe(link) } : each,
  );
  return { ...told, interfaces };
}

function describe({ mac, mtu }: Link): { mac?: string; mtu: number } {
  return mac === "" ? { mtu } : { mac, mtu };
}

function macOf({ mac }: AttachmentRequest): { mac?: string } {
  return mac === undefined ? {} : { mac };
}

function functionOf({ link }: AttachmentRequest): { pciID?: string } {
  const isFunction = link.type === "sriov" || link.type === "hostDevice";
  return isFunction && link.pciAddress !== undefined ? { pciID: link.pciAddress } : {};
}

function routeOf({
  destination,
  gateway,
  mtu,
  advertisedMss,
  priority,
  table,
  scope,
}: RouteRequest): CniRoute {
  return {
    dst: destination,
    ...(gateway === undefined ? {} : { gw: gateway }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advertisedMss === undefined ? {} : { advmss: advertisedMss }),
    ...(priority === undefined ? {} : { priority }),
    ...(table === undefined ? {} : { table }),
    ...(scope === undefined ? {} : { scope }),
  };
}
