import { EEXIST } from "../../linux/errno.ts";
import type { Kernel } from "../../linux/kernel.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { Link } from "../../linux/route/link.ts";
import { isIpv6, isWithin } from "../../model/address.ts";
import { LanyardError } from "../../model/errors.ts";
import type { LinkLookup } from "../link/lookup.ts";
import type { ActionHandler } from "./step.ts";

/**
 * The node's bridge gets the addresses that its pods have for gateways, and the node forwards what they send there. With a
 * VLAN it is the bridge's link in that VLAN, `br0.100`. All of it stays, as the bridge does.
 */
export interface AddGatewayStep {
  readonly kind: "addGateway";
  readonly bridge: string;
  /** CIDR form. */
  readonly addresses: readonly string[];
  readonly vlan?: number;
  /** Addresses of the bridge that stand in the way are taken away, and are no error. */
  readonly forceAddress: boolean;
}

export const addGateway: ActionHandler<AddGatewayStep, null> = {
  kind: "addGateway",

  async apply({ kernel, hostLinks }, step) {
    const { host } = kernel;
    const link = await provideLink(kernel, hostLinks, step);
    const { addresses: standing } = await host.addresses.list({ link: link.index });
    const has = standing.map(({ address }) => address);
    const wanted = step.addresses.filter((address) => !has.includes(address));
    const inTheWay = has.filter((other) => wanted.some((address) => excludes(address, other)));
    if (inTheWay.length > 0 && !step.forceAddress) {
      const text = `"${link.name}" of the node has ${inTheWay.join(", ")}, and shall be the gateway ${wanted.join(", ")}`;
      throw new LanyardError("conflict", `${text}: take the addresses away, or set forceAddress`);
    }
    await kernel.perform([
      ...inTheWay.map((address) => host.addresses.prepareDelete(link.index, address)),
      // Replaced, because another pod's attachment may have given it meanwhile.
      ...wanted.map((address) => host.addresses.prepareReplace(link.index, address)),
      ...forwardingOf(step).map((name) => host.prepareSetSysctl(name, "1")),
    ]);
  },

  async undo() {},

  async check({ kernel, hostLinks }, step) {
    const name = linkName(step);
    const link = await hostLinks.find(name);
    if (link === undefined)
      return [`${name} of the node was given ${step.addresses.join(", ")}, and is gone`];
    const { addresses } = await kernel.host.addresses.list({ link: link.index });
    const has = addresses.map(({ address }) => address);
    return step.addresses
      .filter((address) => !has.includes(address))
      .map(
        (address) =>
          `${name} of the node was given the address ${address}, and has ${has.join(", ") || "none"}`,
      );
  },
};

function linkName({ bridge, vlan }: AddGatewayStep): string {
  return vlan === undefined ? bridge : `${bridge}.${vlan}`;
}

/** The bridge, or its link in the VLAN, made where there is none. */
async function provideLink(kernel: Kernel, hostLinks: LinkLookup, step: AddGatewayStep): Promise<Link> {
  const { host } = kernel;
  const bridge = await hostLinks.get(step.bridge);
  if (step.vlan === undefined) return bridge;
  const name = linkName(step);
  const id = step.vlan;
  if ((await hostLinks.find(name)) === undefined) {
    hostLinks.forget(name);
    try {
      await host.links.create({ name, parent: bridge.index, of: { kind: "vlan", id }, isUp: true });
    } catch (error) {
      // Another pod's attachment has made it meanwhile.
      if (!isErrno(error, EEXIST)) throw error;
    }
  }
  await host.bridgeVlans.add(bridge.index, { id }, "bridge");
  return await hostLinks.get(name);
}

/** Of IPv4 a bridge has one address; of IPv6 one in each network. */
function excludes(wanted: string, other: string): boolean {
  if (isIpv6(wanted) !== isIpv6(other)) return false;
  return !isIpv6(wanted) || isWithin(hostPart(wanted), other) || isWithin(hostPart(other), wanted);
}

function hostPart(address: string): string {
  return address.slice(0, address.indexOf("/"));
}

function forwardingOf({ addresses }: AddGatewayStep): string[] {
  return [
    ...(addresses.some((address) => !isIpv6(address)) ? ["ipv4/ip_forward"] : []),
    ...(addresses.some(isIpv6) ? ["ipv6/conf/all/forwarding"] : []),
  ];
}
