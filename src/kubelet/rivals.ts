import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isListening, removeIfThere } from "../rpc/socket-file.ts";
import { isOwnSocketName, isSocketName } from "./names.ts";

/** A socket on which another process serves the same resource. */
export interface Rival {
  readonly path: string;
  /** When the socket was made, as text that sorts by time; two sockets never have the same. */
  readonly age: string;
}

/**
 * Other processes that serve a resource in a folder. A socket on which nobody answers is what a killed process left
 * behind, and is removed.
 * @param own file name of this process's socket
 */
export async function findRivals(folder: string, resource: string, own: string): Promise<Rival[]> {
  const rivals: Rival[] = [];
  for (const file of await readdir(folder)) {
    if (file === own || !isSocketName(folder, file, resource)) continue;
    const path = join(folder, file);
    const age = await socketAge(path);
    if (age === undefined) continue;
    if (await isListening(path)) rivals.push({ path, age });
    else await removeIfThere(path);
  }
  return rivals;
}

/**
 * Removes what killed processes of this program left of resources that nobody may offer any more: a kubelet that watches
 * the folder would try to reach them for ever.
 */
export async function removeLeftSockets(folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    if (!isOwnSocketName(file) || (await socketAge(path)) === undefined) continue;
    if (!(await isListening(path))) await removeIfThere(path);
  }
}

/**
 * When a socket was put into its place, sortable, the file's name in the end so that no two are of one age.
 * @returns undefined where there is no socket
 */
export async function socketAge(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  if (!found?.isSocket()) return undefined;
  return `${found.ctimeNs.toString().padStart(20, "0")} ${path}`;
}
