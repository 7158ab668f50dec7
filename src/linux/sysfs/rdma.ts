import { join } from "node:path";
import { listFolder, mapDevices, readText } from "./files.ts";
import type { RdmaDevice } from "./function-facts.ts";
import { addRdmaNodes, type FunctionIndex, type RdmaNodes } from "./function-index.ts";

/**
 * RDMA devices of a function, by name (Documentation/ABI/stable/sysfs-class-infiniband). `name` is the function's and
 * `entries` the names in its folder. Character devices that tell no more than their function are those of its only
 * RDMA device.
 */
export async function readRdmaDevices(
  sysfs: string,
  folder: string,
  name: string,
  entries: readonly string[],
  index: FunctionIndex | undefined,
): Promise<RdmaDevice[]> {
  const here = entries.includes("infiniband") ? await listFolder(join(folder, "infiniband")) : [];
  const elsewhere = (await index?.rdmaDevices())?.get(name) ?? [];
  const names = [...new Set([...here, ...elsewhere])].sort();
  if (names.length === 0) return [];
  const nodes = new Map<string, RdmaNodes>();
  for (const family of ["infiniband_verbs", "infiniband_mad"])
    if (entries.includes(family)) await addRdmaNodes(nodes, join(folder, family), name);
  const others = await index?.rdmaNodes();
  const ofOnly = names.length === 1 ? { ...others?.get(name), ...nodes.get(name) } : {};
  return await mapDevices(names, async (device) => {
    const parent = here.includes(device) ? folder : join(sysfs, "class");
    const pKeys = await readPKeys(join(parent, "infiniband", device, "ports"));
    return { name: device, ...ofOnly, ...others?.get(device), ...nodes.get(device), pKeys };
  });
}

/** The partition key at index 0 of each port. */
async function readPKeys(ports: string): Promise<string[]> {
  const numbers = await listFolder(ports);
  const keys = await Promise.all(numbers.map((port) => readText(join(ports, port, "pkeys/0"))));
  return keys.filter((key) => key !== undefined && /^0x[0-9a-f]{1,4}$/i.test(key)) as string[];
}
