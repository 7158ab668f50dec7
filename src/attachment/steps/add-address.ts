import { EADDRNOTAVAIL, ENODEV } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { AddressSettings } from "../../linux/route/address.ts";
import { broadcastAddress } from "../../linux/route/ip.ts";
import { isIpv6 } from "../../model/address.ts";
import type { PreparedHandler } from "./step.ts";

/** The pod's link gets an IP address. */
export interface AddAddressStep {
  readonly kind: "addAddress";
  readonly link: string;
  /** CIDR form. */
  readonly address: string;
}

export const addAddress: PreparedHandler<AddAddressStep, null> = {
  kind: "addAddress",

  prepare: async ({ pod }, { address }, link) => [
    pod.addresses.prepareAdd(link, address, settingsOf(address)),
  ],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.addresses.delete(link.index, step.address);
    } catch (error) {
      if (!isErrno(error, EADDRNOTAVAIL, ENODEV)) throw error;
    }
  },

  async check({ pod, podLinks }, { link: name, address }) {
    const link = await podLinks.find(name);
    if (link === undefined) return [];
    const { addresses } = await pod.addresses.list({ link: link.index });
    const found = addresses.find((each) => each.address === address);
    if (found === undefined) {
      const others = addresses.map((each) => each.address).join(", ");
      return [`${name} was given the address ${address}, and has ${others === "" ? "none" : others}`];
    }
    if (!found.flags.includes("dadfailed")) return [];
    return [`${name} was given the address ${address}, and cannot use it because another host has it`];
  },
};

/**
 * An address of IPv6 is used while the neighbours are asked whether somebody has it, so that nobody waits for that (RFC
 * 4429); where the kernel cannot do that, it is not used before (`awaitUsable`). One of IPv4 has the broadcast address of
 * its network, which programs ask for (SIOCGIFBRDADDR) and the kernel does not fill in.
 */
function settingsOf(address: string): AddressSettings {
  if (isIpv6(address)) return { flags: ["optimistic"] };
  const broadcast = broadcastAddress(address);
  return broadcast === undefined ? {} : { broadcast };
}
