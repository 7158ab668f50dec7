import { join } from "node:path";
import { readDefaultRouteLinks } from "../linux/sysfs/default-routes.ts";
import { listFolder } from "../linux/sysfs/files.ts";
import type { NodeLinks } from "../model/ports.ts";
import type { NodeReading } from "./node.ts";

/** Finds the node's links in what is known of them, and in sysfs. */
export class NodeLinkFinder implements NodeLinks {
  readonly #node: { readonly reading: NodeReading };
  readonly #root: string;

  /** @param root `/`, or a folder that stands for it */
  constructor(node: { readonly reading: NodeReading }, root: string) {
    this.#node = node;
    this.#root = root;
  }

  async defaultLink(): Promise<string | undefined> {
    // IPv4's come first, in the order in which the kernel chooses among them.
    const [first] = await readDefaultRouteLinks(this.#root);
    return first;
  }

  linkWithMac(mac: string): string | undefined {
    const { links } = this.#node.reading;
    // A VLAN or macvlan has its parent's address as often as not, and is no device.
    const bearers = links.filter((link) => link.mac === mac);
    return (bearers.find(({ kind }) => kind === undefined) ?? bearers[0])?.name;
  }

  async linkOfDevice(path: string): Promise<string | undefined> {
    // Sysfs shows a device's links only while they are in the node's own network namespace.
    const [first] = (await listFolder(join(this.#root, path, "net"))).sort();
    return first;
  }
}
