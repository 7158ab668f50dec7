import { join } from "node:path";
import { listFolder } from "../linux/sysfs/files.ts";

/** Folders whose files containers may want, below `/`. */
const FOLDERS = ["dev", "dev/net", "dev/infiniband", "dev/vfio", "dev/vfio/devices"];

/** The files in /dev and some of its folders, by their paths on the node (`/dev/net/tun`), below `root`. */
export async function readDeviceFiles(root: string): Promise<ReadonlySet<string>> {
  const lists = await Promise.all(
    FOLDERS.map(async (folder) => (await listFolder(join(root, folder))).map((name) => `/${folder}/${name}`)),
  );
  return new Set(lists.flat());
}
