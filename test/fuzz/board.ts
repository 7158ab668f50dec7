/** Inputs that a worker takes at a time. */
export const BATCH = 256;

/** In the word of a worker that is at no input: not yet, or not any more. */
const IDLE = -1;

/** What a board stands in; it can be handed to a worker. */
export interface Memory {
  readonly numbers: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

/**
 * What workers and the main thread see of each other while the workers are too busy for messages: which input each
 * worker is at, how many inputs each decoder was fed, which batch is next, and whether to stop.
 */
export class Board {
  readonly memory: Memory;
  readonly #numbers: Float64Array;
  readonly #words: Int32Array;
  readonly #workers: number;
  readonly #targets: number;

  constructor(workers: number, targets: number, memory?: Memory) {
    this.#workers = workers;
    this.#targets = targets;
    this.memory = memory ?? {
      numbers: new SharedArrayBuffer(workers * (targets + 1) * Float64Array.BYTES_PER_ELEMENT),
      words: new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT),
    };
    this.#numbers = new Float64Array(this.memory.numbers);
    this.#words = new Int32Array(this.memory.words);
    if (memory === undefined) this.#numbers.fill(IDLE, 0, workers);
  }

  /** Says which input a worker is at now. */
  begin(worker: number, input: number): void {
    this.#numbers[worker] = input;
  }

  /** Counts an input for its decoder. */
  count(worker: number, target: number): void {
    const at = this.#workers + worker * this.#targets + target;
    this.#numbers[at] = (this.#numbers[at] as number) + 1;
  }

  /** Says that a worker is at no input. */
  rest(worker: number): void {
    this.#numbers[worker] = IDLE;
  }

  /** The number of the input that a worker is at; undefined for one that is at none. */
  inputOf(worker: number): number | undefined {
    const input = this.#numbers[worker];
    return input === IDLE ? undefined : input;
  }

  /** How many inputs a decoder has been fed by all workers together. */
  fed(target: number): number {
    let sum = 0;
    for (let worker = 0; worker < this.#workers; worker++) {
      sum += this.#numbers[this.#workers + worker * this.#targets + target] as number;
    }
    return sum;
  }

  /** Takes a batch that nobody else has. */
  takeBatch(): number {
    return Atomics.add(this.#words, 0, 1);
  }

  /** Has every worker end after its batch. */
  stop(): void {
    Atomics.store(this.#words, 1, 1);
  }

  isStopped(): boolean {
    return Atomics.load(this.#words, 1) === 1;
  }
}
