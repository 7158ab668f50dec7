import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../linux/folder.ts";
import { LanyardError } from "../../model/errors.ts";
import { isListening } from "../../rpc/socket-file.ts";

/**
 * Looks whether another kubelet serves the folder: its sockets and its plugins' must not be taken from it.
 * @throws LanyardError `conflict`
 */
export async function checkUnserved(socket: string): Promise<void> {
  if (!(await isListening(socket))) return;
  throw new LanyardError(
    "conflict",
    `a kubelet answers at ${socket} already; name another folder with --kubelet-dir`,
  );
}

/**
 * Makes the device plugin folder, and removes every socket in it: plugins take that for the sign that a kubelet
 * has started and register again. Other files, the checkpoint among them, and sub-folders stay
 * (CleanupPluginDirectory in pkg/kubelet/cm/devicemanager/manager.go).
 */
export async function prepareFolder(folder: string): Promise<void> {
  makeFolder(folder, 0o750);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSocket()) await rm(path, { force: true });
  }
}
