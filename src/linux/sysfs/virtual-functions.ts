import { readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

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
  const text = await unlessAbsent(readFile(join(folder, "sriov_numvfs"), "utf8"));
  const count = Number(text);
  if (text === undefined || !Number.isInteger(count) || count < 0 || count > MOST_VFS) return undefined;
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const target = await unlessAbsent(readlink(join(folder, `virtfn${index}`)));
      return target === undefined ? undefined : basename(target);
    }),
  );
}

/** A file that is not there, or not any more, is an answer. */
async function unlessAbsent(reading: Promise<string>): Promise<string | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
