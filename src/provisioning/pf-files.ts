import { join } from "node:path";
import { isThere } from "../linux/sysfs/files.ts";
import { PCI_DEVICES } from "../linux/sysfs/pci-function.ts";

/** What provisioning needs of PCI functions in sysfs besides what `PciDevices` tells. */
export interface PfFiles {
  /** Whether the function has a link, in whatever network namespace. */
  hasLink(address: string): Promise<boolean>;
}

/** The files below `root` (`/sys`). */
export class SysfsPfFiles implements PfFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * The folder `net` stands as long as a link is in it, and shows only links of the reader's network namespace: the
   * folder is kept by its children, of which each belongs to one namespace (get_device_parent, drivers/base/core.c).
   */
  hasLink(address: string): Promise<boolean> {
    return isThere(join(this.#root, PCI_DEVICES, address, "net"));
  }
}
