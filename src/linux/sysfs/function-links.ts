import { basename, join } from "node:path";
import { listFolder } from "./files.ts";
import type { FunctionIndex } from "./function-index.ts";

/** Devices that stand between a function and its link: `virtio2/net/eth0`, `vdpa0/virtio3/net/eth1`. */
const BETWEEN = /^(virtio|vdpa)\d+$/;

/** Names of a function's links, sorted. `name` is the function's and `entries` the names in its folder. */
export async function readFunctionLinks(
  folder: string,
  name: string,
  entries: readonly string[],
  index: FunctionIndex | undefined,
): Promise<string[]> {
  const here = (await linkFoldersBelow(folder, entries)).map((path) => basename(path));
  const elsewhere = (await index?.links())?.get(name) ?? [];
  return [...new Set([...here, ...elsewhere])].sort();
}

/** The folders of the links in a function's folder, whose entries are known. */
export async function linkFoldersBelow(folder: string, entries: readonly string[]): Promise<string[]> {
  const names = entries.includes("net") ? await listFolder(join(folder, "net")) : [];
  const folders = names.map((name) => join(folder, "net", name));
  for (const entry of entries.filter((each) => BETWEEN.test(each))) {
    const between = join(folder, entry);
    folders.push(...(await linkFoldersBelow(between, await listFolder(between))));
  }
  return folders;
}
