import { basename, join } from "node:path";
import { AUXILIARY_DEVICES, readAuxiliaryFunction } from "./auxiliary-function.ts";
import { isThere, listFolder, mapDevices, PCI_ADDRESS, readTarget } from "./files.ts";
import type { FunctionFacts } from "./function-facts.ts";
import { FunctionIndex, isSubfunctionName } from "./function-index.ts";
import { PCI_DEVICES, readPciFunction } from "./pci-function.ts";

/** First two digits of the classes that pools are made of: network controllers and processing accelerators. */
const CLASSES = new Set(["02", "12"]);

/**
 * Every PCI function that is a network controller or an accelerator, and every sub-function, as sysfs tells of them,
 * PCI functions first and by their names. `root` is `/`, or a folder that stands for it. What is not told is left out,
 * and so is a function that goes while it is read.
 */
export async function readFunctions(root: string): Promise<FunctionFacts[]> {
  const sysfs = join(root, "sys");
  const index = new FunctionIndex(sysfs);
  const addresses = (await listFolder(join(sysfs, PCI_DEVICES))).filter((name) => PCI_ADDRESS.test(name));
  const functions = await mapDevices(addresses, (address) =>
    readPciFunction(sysfs, address, index, (identity) => CLASSES.has(identity.class.slice(0, 2))),
  );
  const found = functions.filter((each) => each !== undefined);
  const known = new Map(found.map((each) => [each.name, each]));
  const folders = await subfunctionFolders(sysfs, [...known.keys()]);
  const subfunctions = await mapDevices(folders, (folder) =>
    readAuxiliaryFunction(
      sysfs,
      basename(folder),
      index,
      async (address) => known.get(address) ?? (await readPciFunction(sysfs, address, index)),
      folder,
    ),
  );
  return [...found, ...subfunctions.filter((each) => each !== undefined)];
}

/** A tree that was laid out may have no auxiliary bus, and sub-functions in the folders of their PCI functions alone. */
async function subfunctionFolders(sysfs: string, addresses: readonly string[]): Promise<string[]> {
  const bus = join(sysfs, AUXILIARY_DEVICES);
  const parents = (await isThere(bus)) ? [bus] : addresses.map((each) => join(sysfs, PCI_DEVICES, each));
  const lists = await mapDevices(parents, async (parent) =>
    (await listFolder(parent)).filter(isSubfunctionName).map((name) => join(parent, name)),
  );
  return lists.flat();
}

/**
 * What sysfs tells of one PCI function, of whatever class; undefined where it is not. Where its folder is reached by a
 * link, as the kernel has it, that folder alone is asked: functions come by hundreds.
 */
export async function readFunction(root: string, address: string): Promise<FunctionFacts | undefined> {
  if (!PCI_ADDRESS.test(address)) return undefined;
  const sysfs = join(root, "sys");
  const isKernels = (await readTarget(join(sysfs, PCI_DEVICES, address))) !== undefined;
  return await readPciFunction(sysfs, address, isKernels ? undefined : new FunctionIndex(sysfs));
}
