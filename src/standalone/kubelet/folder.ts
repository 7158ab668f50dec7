import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes the device plugin folder, and removes every socket in it: plugins take that for the sign that a kubelet
 * has started and register again. Other files, the checkpoint among them, and sub-folders stay
 * (CleanupPluginDirectory in pkg/kubelet/cm/devicemanager/manager.go).
 */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSocket()) await rm(path, { force: true });
  }
}
