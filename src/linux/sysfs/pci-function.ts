import { join } from "node:path";
import {
  isThere,
  linkTarget,
  listFolder,
  PCI_ADDRESS,
  readCount,
  readText,
  resolvePath,
  told,
} from "./files.ts";
import type { FunctionFacts } from "./function-facts.ts";
import type { FunctionIndex } from "./function-index.ts";
import { readFunctionLinks } from "./function-links.ts";
import { readPciErrorsIn } from "./pci-errors.ts";
import { type PciIdentity, readPciIdentity } from "./pci-identity.ts";
import { readRdmaDevices } from "./rdma.ts";
import { readVdpaDevice } from "./vdpa.ts";
import { readVfio } from "./vfio.ts";
import { readVirtfnLinks } from "./virtual-functions.ts";

/** Where PCI functions are, below /sys. */
export const PCI_DEVICES = "bus/pci/devices";

/**
 * What sysfs tells of one PCI function below `sysfs` (`/sys`); undefined where it is not, or no more. Without an
 * `index`, only its own folder is asked. `isWanted` may decline by what the function is before all is read.
 */
export async function readPciFunction(
  sysfs: string,
  address: string,
  index?: FunctionIndex,
  isWanted: (identity: PciIdentity) => boolean = () => true,
): Promise<FunctionFacts | undefined> {
  const folder = join(sysfs, PCI_DEVICES, address);
  const identity = await readPciIdentity(folder);
  if (identity === undefined || !isWanted(identity)) return undefined;
  const entries = await listFolder(folder);
  // An absent file is not tried to be read: most functions lack most files, and there can be a thousand functions.
  const ask = <T>(entry: string, read: (path: string) => Promise<T>): Promise<T> | undefined =>
    entries.includes(entry) ? read(join(folder, entry)) : undefined;
  const [driver, numaNode, path, physfn, acpiIndex, uio, sriov, vfio] = await Promise.all([
    readDriver(folder),
    ask("numa_node", readCount),
    resolvePath(folder),
    ask("physfn", linkTarget),
    ask("acpi_index", readCount),
    ask("uio", listFolder),
    readSriov(folder, entries),
    readVfio(folder, entries),
  ]);
  const [vfIndex, links, rdma, vdpa, pciErrors] = await Promise.all([
    physfn === undefined ? undefined : readVfIndex(sysfs, physfn, address, index),
    readFunctionLinks(folder, address, entries, index),
    readRdmaDevices(sysfs, folder, address, entries, index),
    readVdpaDevice(sysfs, folder, address, entries, index),
    entries.some((entry) => entry.startsWith("aer_dev_")) ? readPciErrorsIn(folder) : undefined,
  ]);
  // What was read of a function that went meanwhile is not the whole.
  if (!(await isThere(folder))) return undefined;
  return told({
    bus: "pci" as const,
    name: address,
    pciAddress: address,
    ...identity,
    driver,
    numaNode,
    pcieRoot: path === undefined ? undefined : pcieRootIn(path),
    pf: physfn !== undefined && PCI_ADDRESS.test(physfn) ? physfn : undefined,
    vfIndex,
    ...sriov,
    ...vfio,
    uio: uio?.find((name) => /^uio\d+$/.test(name)),
    acpiIndex,
    links,
    rdma,
    vdpa,
    pciErrors,
  });
}

/** The driver that is bound to a device: what the link `driver` leads to, or what `uevent` says. */
export async function readDriver(folder: string): Promise<string | undefined> {
  const bound = await linkTarget(join(folder, "driver"));
  if (bound !== undefined) return bound;
  const said = /^DRIVER=(\S+)$/m.exec((await readText(join(folder, "uevent"))) ?? "");
  return said?.[1];
}

/** `pci0000:80` of `/sys/devices/pci0000:80/0000:80:01.0/0000:86:00.0`. */
function pcieRootIn(path: string): string | undefined {
  return path.split("/").find((part) => /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/.test(part));
}

/** How many VFs a PF can have and has. */
async function readSriov(
  folder: string,
  entries: readonly string[],
): Promise<{ mostVfs: number | undefined; vfCount: number | undefined }> {
  const [mostVfs, vfCount] = await Promise.all([
    entries.includes("sriov_totalvfs") ? readCount(join(folder, "sriov_totalvfs")) : undefined,
    entries.includes("sriov_numvfs") ? readCount(join(folder, "sriov_numvfs")) : undefined,
  ]);
  if (vfCount !== undefined) return { mostVfs, vfCount };
  const { size } = await readVirtfnLinks(folder, entries);
  return { mostVfs, vfCount: size > 0 || mostVfs !== undefined ? size : undefined };
}

/** Number of a VF: that of the PF's link which leads to it. */
async function readVfIndex(
  sysfs: string,
  pf: string,
  address: string,
  index: FunctionIndex | undefined,
): Promise<number | undefined> {
  const links = await (index?.virtfnLinks(pf) ?? readVirtfnLinks(join(sysfs, PCI_DEVICES, pf)));
  for (const [number, vf] of links) if (vf === address) return number;
  return undefined;
}
