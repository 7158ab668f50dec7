import type { Namespace } from "../../linux/namespace.ts";
import type { Link } from "../../linux/route/link.ts";
import { LinkNotFoundError } from "../../linux/route/links.ts";
import type { Prepared } from "../../linux/worker/prepared.ts";

/**
 * Links of one namespace, each read once during one operation. A link's index, MAC address and MTU stay what
 * they are while an operation works on it; a step that makes or changes a link says what it is now.
 */
export class LinkLookup {
  readonly #namespace: Namespace;
  readonly #links = new Map<string, Promise<Link | undefined>>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** The namespace's name for people. */
  get place(): string {
    return this.#namespace.name;
  }

  /** Undefined where there is no such link. */
  find(name: string): Promise<Link | undefined> {
    let link = this.#links.get(name);
    if (link === undefined) {
      link = this.#namespace.links.find(name);
      this.#links.set(name, link);
    }
    return link;
  }

  /** Reads a link together with other things; it is known here when that was sent. */
  prepareFind(name: string): Prepared<Link | undefined> {
    const found = this.#namespace.links.prepareFind(name);
    const read: typeof found.read = (result) => {
      const link = found.read(result);
      this.learn(name, link);
      return link;
    };
    return { ...found, read };
  }

  /** Throws LinkNotFoundError. */
  async get(name: string): Promise<Link> {
    const link = await this.find(name);
    if (link === undefined) throw new LinkNotFoundError(`no link "${name}" in ${this.place}`);
    return link;
  }

  /** Takes over what was read elsewhere; undefined: there is no such link. */
  learn(name: string, link: Link | undefined): void {
    this.#links.set(name, Promise.resolve(link));
  }

  /** The link must be read again. */
  forget(name: string): void {
    this.#links.delete(name);
  }
}
