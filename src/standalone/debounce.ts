/** No longer than this is a change held back while more of them come, in milliseconds. */
const LONGEST_DELAY_MS = 1_000;

/** Tells once about many changes that come together: after a quiet time, or when they go on for too long. */
export class Debounce {
  readonly #quietMs: number;
  readonly #tell: () => void;
  #timer: NodeJS.Timeout | undefined;
  #firstChange = 0;

  constructor(quietMs: number, tell: () => void) {
    this.#quietMs = quietMs;
    this.#tell = tell;
  }

  note(): void {
    const now = performance.now();
    if (this.#timer === undefined) this.#firstChange = now;
    clearTimeout(this.#timer);
    const left = Math.max(0, this.#firstChange + LONGEST_DELAY_MS - now);
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
