import type { Link } from "../../linux/route/link.ts";
import { LanyardError } from "../../model/errors.ts";

/** What a link is known by wherever it goes and whatever it is called. Plain data. */
export interface LinkIdentity {
  readonly mac: string;
  readonly permanentMac?: string;
  /** The device it is of, and which of that device's links it is. */
  readonly device?: { readonly bus: string; readonly name: string };
  readonly physicalPortName?: string;
  /** Not made by software: the kernel sends it home when the pod's namespace ends, a little later. */
  readonly isPhysical: boolean;
}

export function linkIdentity(link: Link): LinkIdentity {
  const { mac, permanentMac, device, physicalPortName } = link;
  return {
    mac,
    isPhysical: link.kind === undefined,
    ...(permanentMac === undefined ? {} : { permanentMac }),
    ...(device === undefined ? {} : { device }),
    ...(physicalPortName === undefined ? {} : { physicalPortName }),
  };
}

/**
 * Whether a link is the one that was seen before: the device decides where there is one, which the kernel tells from 5.14
 * on; then the permanent MAC address; then the MAC address, which is `newMac` where that was set meanwhile.
 */
export function isSameLink(link: Link, known: LinkIdentity, newMac?: string): boolean {
  // Links stacked on another share its address, and are never what was seen.
  if (known.isPhysical !== (link.kind === undefined) || link.isLoopback) return false;
  const { device, physicalPortName, permanentMac, mac } = known;
  if (device !== undefined && link.device !== undefined) {
    const isOfDevice = link.device.bus === device.bus && link.device.name === device.name;
    return isOfDevice && link.physicalPortName === physicalPortName;
  }
  if (permanentMac !== undefined) return link.permanentMac === permanentMac;
  return link.mac === mac || link.mac === newMac;
}

/**
 * Throws LanyardError for a link that is of another PCI function than it was taken for: a name may be another link's by the
 * time it is used.
 */
export function refuseOtherFunction({ name, device }: Link, pciAddress: string | undefined): void {
  if (pciAddress === undefined || device?.bus !== "pci" || device.name === pciAddress) return;
  throw new LanyardError(
    "conflict",
    `link "${name}" of the node is of ${device.name} now, and was taken for that of ${pciAddress}`,
  );
}
