/**
 * One piece of work that is asked for again and again and never runs twice at once: what is asked for while it
 * runs is done by one more run after it.
 */
export class SerialTask {
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #running: Promise<void> | undefined;

  /** @param work handles its own errors; when it rejects, so do `request` and `settle` */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Has the work done, and resolves when nothing more is asked for. */
  request(): Promise<void> {
    this.#isWanted = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Resolves when nothing runs. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#work();
      }
    } finally {
      // In one go with the last look at what is wanted: a request in between would start nothing.
      this.#running = undefined;
    }
  }
}
