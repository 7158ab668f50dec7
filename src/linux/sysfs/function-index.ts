import type { Dirent } from "node:fs";
import { join } from "node:path";
import { listDevices, mapDevices, PCI_ADDRESS, readTarget, readText, resolvePath } from "./files.ts";
import { readVirtfnLinks } from "./virtual-functions.ts";

/** Character devices of one RDMA device, by family; names of files below /dev/infiniband. */
export interface RdmaNodes {
  uverbs?: string;
  umad?: string;
  issm?: string;
}

/** Names of auxiliary devices that are sub-functions: module, kind and number (`mlx5_core.sf.2`). */
export function isSubfunctionName(name: string): boolean {
  return name.includes(".sf.");
}

/** The function that a path leads through at last: a PCI address or the name of a sub-function. */
export function functionIn(path: string): string | undefined {
  return path.split("/").findLast((part) => PCI_ADDRESS.test(part) || isSubfunctionName(part));
}

/**
 * What is known of functions by its class or bus rather than from the function's own folder, each read when it is first
 * asked for and then kept for all functions of one reading. The kernel tells most of it in both places; a tree that was
 * laid out may tell it in one.
 */
export class FunctionIndex {
  readonly #sysfs: string;
  readonly #kept = new Map<string, Promise<unknown>>();

  /** `sysfs` is `/sys`, or a laid-out tree. */
  constructor(sysfs: string) {
    this.#sysfs = sysfs;
  }

  /** Names of the links that say they are on a function, by the function's name. */
  links(): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#keep("net", () => this.#namesByFunction("class/net"));
  }

  /** Names of RDMA devices by the function's name. */
  rdmaDevices(): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#keep("infiniband", () => this.#namesByFunction("class/infiniband"));
  }

  /** Names of vDPA devices by the name of the function they are on. */
  vdpaDevices(): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#keep("vdpa", () => this.#namesByFunction("bus/vdpa/devices"));
  }

  /** The character devices of every RDMA device, by its name, or by its function's where they do not tell it. */
  rdmaNodes(): Promise<ReadonlyMap<string, RdmaNodes>> {
    return this.#keep("rdmaNodes", async () => {
      const nodes = new Map<string, RdmaNodes>();
      for (const folder of ["class/infiniband_verbs", "class/infiniband_mad"])
        await addRdmaNodes(nodes, join(this.#sysfs, folder));
      return nodes;
    });
  }

  /** PCI addresses of a PF's VFs by their number. */
  virtfnLinks(pf: string): Promise<ReadonlyMap<number, string>> {
    return this.#keep(`virtfn ${pf}`, () => readVirtfnLinks(join(this.#sysfs, "bus/pci/devices", pf)));
  }

  #keep<T>(key: string, read: () => Promise<T>): Promise<T> {
    const kept = (this.#kept.get(key) as Promise<T> | undefined) ?? read();
    this.#kept.set(key, kept);
    return kept;
  }

  async #namesByFunction(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const path = join(this.#sysfs, folder);
    const devices = await listDevices(path);
    const functions = await mapDevices(devices, (device) => functionOf(path, device));
    const names = new Map<string, string[]>();
    for (const [at, { name }] of devices.entries()) {
      const owner = functions[at];
      if (owner !== undefined) names.set(owner, [...(names.get(owner) ?? []), name]);
    }
    return names;
  }
}

/**
 * Adds the character devices below a folder, by the RDMA device that each says it is for; one that does not say, by the
 * function it is on, which is `owner` where its entry does not tell.
 */
export async function addRdmaNodes(
  nodes: Map<string, RdmaNodes>,
  folder: string,
  owner?: string,
): Promise<void> {
  const devices = await listDevices(folder);
  const owners = await mapDevices(devices, async (device) => {
    const rdmaName = await readText(join(folder, device.name, "ibdev"));
    return rdmaName || ((await functionOf(folder, device)) ?? owner);
  });
  for (const [at, { name }] of devices.entries()) {
    const family = /^(uverbs|umad|issm)\d+$/.exec(name)?.[1] as keyof RdmaNodes | undefined;
    const key = owners[at];
    if (family !== undefined && key !== undefined) nodes.set(key, { [family]: name, ...nodes.get(key) });
  }
}

/** The function that a device is on, by where its entry leads to, or by what it calls its `device`. */
async function functionOf(folder: string, entry: Dirent): Promise<string | undefined> {
  const path = join(folder, entry.name);
  if (entry.isSymbolicLink()) {
    const found = functionIn((await readTarget(path)) ?? "");
    if (found !== undefined) return found;
  }
  const device = join(path, "device");
  return functionIn((await readTarget(device)) ?? "") ?? functionIn((await resolvePath(device)) ?? "");
}
