import { EADDRNOTAVAIL, EINVAL, EPERM } from "../../linux/errno.ts";
import type { Kernel } from "../../linux/kernel.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import { patiently, VfRefusal } from "./refusals.ts";

/** What stands for none, both ways. */
export const NO_MAC = "00:00:00:00:00:00";

/**
 * Sets the MAC address that the VF's own link has. A PF that has given the VF an address may refuse any that the VF sets
 * (igb refuses even the same): then it gives none meanwhile. Throws VfRefusal when the VF takes it not even so.
 */
export async function setOwnMac(
  kernel: Kernel,
  { pf, vfIndex, link }: { readonly pf: number; readonly vfIndex: number; readonly link: number },
  mac: string,
): Promise<void> {
  const { host } = kernel;
  if ((await host.links.get(link)).mac === mac) return;
  try {
    await patiently(() => host.links.set(link, { mac }));
  } catch (error) {
    if (!isErrno(error, EADDRNOTAVAIL, EINVAL, EPERM)) throw error;
    const given = (await host.vfs.get(pf, vfIndex)).attributes?.mac ?? mac;
    await host.vfs.set(pf, vfIndex, { mac: NO_MAC });
    try {
      await patiently(() => host.links.set(link, { mac }));
    } catch (second) {
      if (!isErrno(second, EADDRNOTAVAIL, EINVAL, EPERM)) throw second;
      const text = `VF ${vfIndex} of link ${pf} does not take the MAC address ${mac} itself`;
      throw new VfRefusal("kernel", `${text}: ${second.message}; its driver may have to be bound again`);
    } finally {
      await host.vfs.set(pf, vfIndex, { mac: given });
    }
  }
}
