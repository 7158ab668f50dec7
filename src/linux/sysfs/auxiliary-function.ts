import { join } from "node:path";
import { isThere, listFolder, PCI_ADDRESS, readCount, readTarget, resolvePath, told } from "./files.ts";
import type { FunctionFacts } from "./function-facts.ts";
import type { FunctionIndex } from "./function-index.ts";
import { readFunctionLinks } from "./function-links.ts";
import { readDriver } from "./pci-function.ts";
import { readRdmaDevices } from "./rdma.ts";
import { readVdpaDevice } from "./vdpa.ts";

/** Where auxiliary devices are, below /sys. */
export const AUXILIARY_DEVICES = "bus/auxiliary/devices";

/**
 * What sysfs tells of one sub-function, an auxiliary device (drivers/base/auxiliary.c), below `sysfs` (`/sys`). What
 * PCI has to say is that of the function it belongs to, which `readParent` gives. Undefined where it is not, or no
 * more, or belongs to no PCI function. `folder` is its folder where that is not among the auxiliary devices.
 */
export async function readAuxiliaryFunction(
  sysfs: string,
  name: string,
  index: FunctionIndex,
  readParent: (address: string) => Promise<FunctionFacts | undefined>,
  folder = join(sysfs, AUXILIARY_DEVICES, name),
): Promise<FunctionFacts | undefined> {
  const address = await parentOf(folder);
  const parent = address === undefined ? undefined : await readParent(address);
  if (parent === undefined) return undefined;
  const entries = await listFolder(folder);
  const [driver, sfNumber, links, rdma, vdpa] = await Promise.all([
    readDriver(folder),
    readCount(join(folder, "sfnum")),
    readFunctionLinks(folder, name, entries, index),
    readRdmaDevices(sysfs, folder, name, entries, index),
    readVdpaDevice(sysfs, folder, name, entries, index),
  ]);
  if (!(await isThere(folder))) return undefined;
  // The kernel's folder says in `uevent` whether a driver is bound; where nothing is said, the PCI function's is meant.
  const isUntold = driver === undefined && !entries.includes("uevent");
  const { pciAddress, vendor, device, class: deviceClass, numaNode, pcieRoot } = parent;
  return told({
    bus: "auxiliary" as const,
    name,
    pciAddress,
    vendor,
    device,
    class: deviceClass,
    driver: isUntold ? parent.driver : driver,
    numaNode,
    pcieRoot,
    pf: pciAddress,
    sfNumber,
    isNoIommu: false,
    links,
    rdma,
    vdpa,
  });
}

/** The PCI function in whose folder the device lies, or which it calls its `device`. */
async function parentOf(folder: string): Promise<string | undefined> {
  const device = join(folder, "device");
  for (const read of [
    () => resolvePath(folder),
    () => readTarget(folder),
    () => resolvePath(device),
    () => readTarget(device),
  ]) {
    const address = (await read())?.split("/").findLast((part) => PCI_ADDRESS.test(part));
    if (address !== undefined) return address;
  }
  return undefined;
}
