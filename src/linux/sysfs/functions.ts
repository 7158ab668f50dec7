import { join } from "node:path";
import { AUXILIARY_DEVICES, readAuxiliaryFunction } from "./auxiliary-function.ts";
import { listFolder, mapDevices, PCI_ADDRESS, readTarget } from "./files.ts";
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
  const names = (await listFolder(join(sysfs, AUXILIARY_DEVICES))).filter(isSubfunctionName);
  const subfunctions = await mapDevices(names, (name) =>
    readAuxiliaryFunction(
      sysfs,
      name,
      index,
      async (address) => known.get(address) ?? (await readPciFunction(sysfs, address, index)),
    ),
  );
  return [...found, ...subfunctions.filter((each) => each !== undefined)];
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
