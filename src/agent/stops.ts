import type { Logger } from "pino";

/** Undoes the start of one part. */
interface Stop {
  readonly stop: () => Promise<void> | void;
  /** It goes on when the agent has left the node to another. */
  readonly isKept: boolean;
}

/** How to stop what was started: the last first, and a part that fails to stop keeps no other from it. */
export class Stops {
  readonly #log: Logger;
  readonly #stops: Stop[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  add(stop: Stop["stop"], { isKept = false } = {}): void {
    this.#stops.push({ stop, isKept });
  }

  /** Stops everything. */
  async end(): Promise<void> {
    await this.#end(this.#stops.splice(0));
  }

  /** Stops all but what goes on when another agent has the node. */
  async endAllButKept(): Promise<void> {
    const all = this.#stops.splice(0);
    this.#stops.push(...all.filter(({ isKept }) => isKept));
    await this.#end(all.filter(({ isKept }) => !isKept));
  }

  async #end(stops: readonly Stop[]): Promise<void> {
    for (const { stop } of stops.toReversed()) {
      try {
        await stop();
      } catch (error) {
        this.#log.error({ err: error }, "a part of the agent did not stop as it should");
      }
    }
  }
}
