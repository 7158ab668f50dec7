import type { Kernel } from "../../linux/kernel.ts";
import { LanyardError, NotFoundError } from "../../model/errors.ts";
import type { LinkLookup } from "../link/lookup.ts";

/** Which VF is meant. */
export interface VfPlace {
  /** Name of the PF's link when this was written down; it may have another by now. */
  readonly pf: string;
  /** Number of the VF on its PF, from 0. */
  readonly vfIndex: number;
  /** PCI address of the VF. */
  readonly pciAddress: string;
}

/**
 * Index of the PF's link, and the PF's PCI address. Throws NotFoundError where the VF or its PF's link is not there, and
 * LanyardError where the VF has another number by now: VFs were made anew.
 */
export async function whereVfIs(
  kernel: Kernel,
  hostLinks: LinkLookup,
  place: VfPlace,
): Promise<{ readonly pf: number; readonly pfAddress: string }> {
  const { pciAddress, vfIndex } = place;
  const { pf: pfAddress } = await kernel.pci.get(pciAddress);
  if (pfAddress === undefined) throw new LanyardError("conflict", `PCI function ${pciAddress} is no VF`);
  const { sriov } = await kernel.pci.get(pfAddress);
  if (sriov?.vfs[vfIndex] !== pciAddress) {
    const number = sriov?.vfs.indexOf(pciAddress) ?? -1;
    const text = `VF ${vfIndex} of ${place.pf} was ${pciAddress}, which is ${number < 0 ? "none of its VFs" : `VF ${number}`} now`;
    throw new LanyardError("conflict", `${text}: the VFs were made anew`);
  }
  return { pf: await linkOfPf(kernel, hostLinks, place, pfAddress), pfAddress };
}

/** Index of the PF's link. Throws NotFoundError. */
export async function linkOfPf(
  kernel: Kernel,
  hostLinks: LinkLookup,
  { pf }: VfPlace,
  pfAddress: string,
): Promise<number> {
  const named = await hostLinks.find(pf);
  if (named !== undefined && isOf(named.device, pfAddress)) return named.index;
  const renamed = await findByDevice(kernel, pfAddress);
  if (renamed !== undefined) return renamed;
  throw new NotFoundError(`no link of the PF ${pfAddress} ("${pf}") in ${kernel.host.name}`);
}

/** Index of the PF's link; undefined where the PF has none on the node, or the VF is no more what it was. */
export async function findPf(kernel: Kernel, place: VfPlace, pfAddress: string): Promise<number | undefined> {
  try {
    const { sriov } = await kernel.pci.get(pfAddress);
    if (sriov?.vfs[place.vfIndex] !== place.pciAddress) return undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
  const named = await kernel.host.links.find(place.pf);
  return named !== undefined && isOf(named.device, pfAddress)
    ? named.index
    : await findByDevice(kernel, pfAddress);
}

/** Kernels before 5.14 do not tell the device: there the name has to do. */
function isOf(device: { readonly name: string } | undefined, address: string): boolean {
  return device === undefined || device.name === address;
}

/** The link of a PCI function itself: those that stand for its VFs on its switch are of the same device. */
async function findByDevice(kernel: Kernel, address: string): Promise<number | undefined> {
  const { links } = await kernel.host.links.list();
  const found = links.find(
    ({ device, kind, physicalPortName = "" }) =>
      device?.name === address && kind === undefined && !/vf\d+$/.test(physicalPortName),
  );
  return found?.index;
}
