import type { Namespace } from "../linux/namespace.ts";
import type { Link } from "../linux/route/link.ts";

/**
 * Links of one namespace, each read once during one operation. A link's index, MAC address and MTU stay what
 * they are while an operation works on it; a step that changes them forgets what was read.
 */
export class LinkLookup {
  readonly #namespace: Namespace;
  readonly #links = new Map<string, Promise<Link>>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Throws LinkNotFoundError. */
  get(name: string): Promise<Link> {
    let link = this.#links.get(name);
    if (link === undefined) {
      link = this.#namespace.links.get(name);
      this.#links.set(name, link);
    }
    return link;
  }

  forget(name: string): void {
    this.#links.delete(name);
  }
}
