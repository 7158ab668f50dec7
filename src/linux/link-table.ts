import type { Unsubscribe } from "../model/ports.ts";
import type { LinkEvents } from "./link-events.ts";
import type { Link } from "./route/link.ts";
import type { Links } from "./route/links.ts";

/** How long to wait before what could not be read, or not whole, is read again, in milliseconds. */
const READ_AGAIN_MS = 1000;

/** What a link table is made of, and who is told. */
export interface LinkTableOptions {
  /** Links of the namespace that the hub behind `events` listens in. */
  readonly links: Pick<Links, "list">;
  readonly events: Pick<LinkEvents, "onChange">;
  /** A link appeared, changed or went; as it was announced. */
  onChange(link: Link): void;
  /** All links were read again: announcements had been lost, or some may have been missing the last time. */
  onResync(): void;
  /** Reading them again failed; the table is as it was, and it will be tried again. */
  onError(error: unknown): void;
}

/**
 * The links of one namespace, read once and kept true by the kernel's announcements. When announcements were lost,
 * everything is read again, and counted, until that has been done whole: the state after the last announcement is
 * never missed.
 */
export class LinkTable {
  readonly #options: LinkTableOptions;
  readonly #links = new Map<number, Link>();
  /** Links that were announced since the dump under way began: it may tell an older state of them. */
  #announced = new Set<number>();
  #reading: Promise<void> = Promise.resolve();
  #unsubscribe: Unsubscribe = () => {};
  #again: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** A resync that has not begun to read covers whatever is lost until then. */
  #isResyncDue = false;
  #resyncs = 0;

  constructor(options: LinkTableOptions) {
    this.#options = options;
  }

  /** Reads all links and then follows the announcements. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.events.onChange(
      ({ change, link, namespaceId }) => {
        if (namespaceId !== undefined) return;
        this.#announced.add(link.index);
        if (change === "gone") this.#links.delete(link.index);
        else this.#links.set(link.index, link);
        this.#options.onChange(link);
      },
      () => this.#resyncSoon(),
    );
    const reading = this.#read();
    this.#reading = reading.catch(() => {});
    await reading;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#again);
    this.#unsubscribe();
  }

  /** The links known now, by index. */
  get links(): ReadonlyMap<number, Link> {
    return this.#links;
  }

  /** How often announcements were lost and everything was read again. */
  get resyncs(): number {
    return this.#resyncs;
  }

  /** Reads all links, after a reading under way. */
  read(): Promise<void> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => {});
    return reading;
  }

  #resyncSoon(): void {
    if (this.#isResyncDue) return;
    this.#isResyncDue = true;
    this.#resyncs += 1;
    this.#resync();
  }

  #resync(): void {
    this.read().then(
      () => {
        if (!this.#isStopped) this.#options.onResync();
      },
      (error: unknown) => {
        this.#resyncLater();
        this.#options.onError(error);
      },
    );
  }

  #resyncLater(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#resync(), READ_AGAIN_MS).unref();
  }

  async #read(): Promise<void> {
    this.#isResyncDue = false;
    if (this.#isStopped) return;
    const announced = new Set<number>();
    this.#announced = announced;
    const { links, isInconsistent } = await this.#options.links.list();
    if (this.#isStopped) return;
    const present = new Set(links.map((link) => link.index));
    for (const index of this.#links.keys()) {
      // A dump that was interrupted to the last may lack a link that is there; the end of one is announced.
      if (!present.has(index) && !announced.has(index) && !isInconsistent) this.#links.delete(index);
    }
    for (const link of links) if (!announced.has(link.index)) this.#links.set(link.index, link);
    if (isInconsistent) this.#resyncLater();
  }
}
