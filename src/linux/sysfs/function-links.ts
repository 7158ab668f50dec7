import { join } from "node:path";
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
  const here = await linksBelow(folder, entries);
  const elsewhere = (await index?.links())?.get(name) ?? [];
  return [...new Set([...here, ...elsewhere])].sort();
}

async function linksBelow(folder: string, entries: readonly string[]): Promise<string[]> {
  const links = entries.includes("net") ? await listFolder(join(folder, "net")) : [];
  for (const entry of entries.filter((each) => BETWEEN.test(each))) {
    const between = join(folder, entry);
    links.push(...(await linksBelow(between, await listFolder(between))));
  }
  return links;
}
