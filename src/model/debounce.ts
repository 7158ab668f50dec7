/** Tells once about many changes that come together: after a quiet time, or when they go on for too long. */
export class Debounce {
  readonly #quietMs: number;
  readonly #longestMs: number;
  readonly #tell: () => void;
  #timer: NodeJS.Timeout | undefined;
  #firstChange = 0;

  /**
   * @param quietMs how long nothing may have changed before it is told, in milliseconds
   * @param longestMs no longer than this is a change held back while more of them come, in milliseconds
   */
  constructor(quietMs: number, tell: () => void, longestMs = 1_000) {
    this.#quietMs = quietMs;
    this.#longestMs = longestMs;
    this.#tell = tell;
  }

  note(): void {
    const now = performance.now();
    if (this.#timer === undefined) this.#firstChange = now;
    clearTimeout(this.#timer);
    const left = Math.max(0, this.#firstChange + this.#longestMs - now);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#tell();
      },
      Math.min(this.#quietMs, left),
    );
  }

  /** Forgets what was noted and not yet told. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
