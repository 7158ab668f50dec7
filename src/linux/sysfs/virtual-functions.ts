import { join } from "node:path";
import { linkTarget, listFolder, PCI_ADDRESS, readNumber } from "./files.ts";

/** Most VFs a card can have; their number has 16 bits (PCI_SRIOV_NUM_VF, include/uapi/linux/pci_regs.h). */
const MOST_VFS = 0xffff;

/**
 * The VFs of a device, in their order, by their PCI addresses as sysfs tells them below `root` (`/sys`): undefined for
 * one that is no PCI device, as netdevsim's are. Undefined when the device can have no VFs or is gone. The files are
 * read off the main thread, because `sriov_numvfs` waits while VFs are made (sriov_numvfs_show, drivers/pci/iov.c).
 */
export async function readVirtualFunctions(
  root: string,
  device: { readonly bus: string; readonly name: string },
): Promise<(string | undefined)[] | undefined> {
  const folder = join(root, "bus", device.bus, "devices", device.name);
  const count = await readNumber(join(folder, "sriov_numvfs"));
  if (count === undefined || !Number.isInteger(count) || count < 0 || count > MOST_VFS) return undefined;
  return await Promise.all(
    Array.from({ length: count }, (_, index) => linkTarget(join(folder, `virtfn${index}`))),
  );
}

/**
 * PCI addresses of a PF's VFs by their number, in the order of the numbers, as the links `virtfnN` in its folder tell
 * them. `entries` are the names in that folder.
 */
export async function readVirtfnLinks(
  folder: string,
  entries?: readonly string[],
): Promise<ReadonlyMap<number, string>> {
  const numbers = (entries ?? (await listFolder(folder)))
    .map((entry) => Number(/^virtfn(\d{1,5})$/.exec(entry)?.[1] ?? "NaN"))
    .filter((number) => number <= MOST_VFS)
    .sort((one, other) => one - other);
  const links = new Map<number, string>();
  for (const number of numbers) {
    const address = await linkTarget(join(folder, `virtfn${number}`));
    if (address !== undefined && PCI_ADDRESS.test(address)) links.set(number, address);
  }
  return links;
}
