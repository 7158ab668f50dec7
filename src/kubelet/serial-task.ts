/**
 * One piece of work that is asked for again and again and never runs twice at once: what is asked for while it
 * runs is done by one more run after it.
 */
export class SerialTask {
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #running: Promise<void> | undefined;

  /** @param work handles its own errors; it must not reject */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  request(): void {
    this.#isWanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing runs. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#work();
    }
  }
}
