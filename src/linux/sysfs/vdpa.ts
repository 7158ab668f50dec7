import { basename, join } from "node:path";
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
  const [driver, entries] = await Promise.all([linkTarget(join(path, "driver")), listFolder(path)]);
  const node = entries.find((entry) => /^vhost-vdpa-\d+$/.test(entry));
  const virtioDevice = entries.find((entry) => /^virtio\d+$/.test(entry));
  const name = basename(path);
  switch (driver === undefined ? typeOf(node, virtioDevice) : TYPES[driver]) {
    case "vhost":
      return { name, type: "vhost", ...told({ node }) };
    case "virtio":
      return { name, type: "virtio", ...told({ virtioDevice }) };
    default:
      return undefined;
  }
}

/** Where no driver is told, what it has made tells which one it is. */
function typeOf(node: string | undefined, virtioDevice: string | undefined): VdpaDevice["type"] | undefined {
  if (node !== undefined) return "vhost";
  return virtioDevice === undefined ? undefined : "virtio";
}
