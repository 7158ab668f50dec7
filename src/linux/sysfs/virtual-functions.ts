import { join } from "node:path";
import { linkTarget, readNumber } from "./files.ts";

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
