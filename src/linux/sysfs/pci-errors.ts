import { join } from "node:path";
import { countIn, readText, told } from "./files.ts";
import type { PciErrorCounts } from "./function-facts.ts";

/**
 * How often a function reported errors over PCI Express; undefined for one that does not count them, or is not there
 * (Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats). `root` is `/`, or a folder that stands for it.
 */
export async function readPciErrors(root: string, address: string): Promise<PciErrorCounts | undefined> {
  return await readPciErrorsIn(join(root, "sys/bus/pci/devices", address));
}

/** The same from the function's folder. */
export async function readPciErrorsIn(folder: string): Promise<PciErrorCounts | undefined> {
  const [fatal, nonFatal, correctable] = await Promise.all([
    readTotal(join(folder, "aer_dev_fatal")),
    readTotal(join(folder, "aer_dev_nonfatal")),
    readTotal(join(folder, "aer_dev_correctable")),
  ]);
  const counts = told({ fatal, nonFatal, correctable });
  if (Object.keys(counts).length === 0) return undefined;
  return { fatal: 0, nonFatal: 0, correctable: 0, ...counts };
}

/** Each line is a kind of error and its count, the last one `TOTAL_ERR_FATAL` or such; undefined where none is. */
async function readTotal(path: string): Promise<number | undefined> {
  const lines = (await readText(path))?.split("\n") ?? [];
  const counts = lines.flatMap((line) => {
    const [kind, text] = line.trim().split(/\s+(?=\S+$)/);
    const count = countIn(text ?? "");
    return kind === undefined || count === undefined ? [] : [{ kind, count }];
  });
  const total = counts.find(({ kind }) => kind.startsWith("TOTAL_ERR_"));
  if (total !== undefined) return total.count;
  return counts.length === 0 ? undefined : counts.reduce((sum, { count }) => sum + count, 0);
}
