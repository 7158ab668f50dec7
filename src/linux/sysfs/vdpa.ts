import { join } from "node:path";
import { linkTarget, listFolder, told } from "./files.ts";
import type { VdpaDevice } from "./function-facts.ts";
import type { FunctionIndex } from "./function-index.ts";

/** Who serves a vDPA device, by its driver on the vDPA bus (drivers/vhost/vdpa.c, drivers/virtio/virtio_vdpa.c). */
const TYPES: Readonly<Record<string, VdpaDevice["type"]>> = { vhost_vdpa: "vhost", virtio_vdpa: "virtio" };

/**
 * The vDPA device of a function, the first one where it has several; undefined where it has none that is served
 * (Documentation/ABI/testing/sysfs-bus-vdpa). `name` is the function's and `entries` the names in its folder.
 */
export async function readVdpaDevice(
  sysfs: string,
  folder: string,
  name: string,
  entries: readonly string[],
  index: FunctionIndex | undefined,
): Promise<VdpaDevice | undefined> {
  const here = entries.filter((entry) => /^vdpa\d+$/.test(entry)).map((entry) => join(folder, entry));
  const elsewhere = (await index?.vdpaDevices())?.get(name) ?? [];
  for (const path of [...here, ...elsewhere.map((entry) => join(sysfs, "bus/vdpa/devices", entry))]) {
    const device = await readServed(path);
    if (device !== undefined) return device;
  }
  return undefined;
}

async function readServed(path: string): Promise<VdpaDevice | undefined> {
  const type = TYPES[(await linkTarget(join(path, "driver"))) ?? ""];
  if (type === undefined) return undefined;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const entries = await listFolder(path);
  if (type === "virtio") {
    return { name, type, ...told({ virtioDevice: entries.find((entry) => /^virtio\d+$/.test(entry)) }) };
  }
  return { name, type, ...told({ node: entries.find((entry) => /^vhost-vdpa-\d+$/.test(entry)) }) };
}
