import { Worker } from "node:worker_threads";

/** A thread that does nothing but count its ticks: while it does not, the machine is what holds others up. */
const CONTROL = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => Atomics.add(new Int32Array(workerData), 0, 1), 1);`;

const TICK_MS = 1;

/** What does not count as standing still. */
export interface LoopWatchOptions {
  /** Milliseconds so far of what excuses a late tick, such as time without a core. */
  readonly excused: () => number;
  /** A gap counts only when the thread that asks for nothing ticked more often in it than once in this many ticks. */
  readonly slowness: number;
}

/**
 * Measures how long the main thread's event loop stands still: the time between two ticks, without what the timer waits
 * anyway, and without what is excused. A gap in which a thread that has nothing to do with the kernel's locks hardly
 * ticked either is the machine's and does not count.
 */
export class LoopWatch implements AsyncDisposable {
  readonly #options: LoopWatchOptions;
  readonly #controlTicks = new Int32Array(new SharedArrayBuffer(4));
  readonly #control = new Worker(CONTROL, { eval: true, workerData: this.#controlTicks.buffer });
  readonly #timer: NodeJS.Timeout;
  #longest = 0;
  #longestGap = 0;
  #last: { readonly at: number; readonly excused: number; readonly ticks: number };

  constructor(options: LoopWatchOptions) {
    this.#options = options;
    this.#last = this.#look();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The longest stall so far, in milliseconds. */
  get longest(): number {
    return this.#longest;
  }

  /** The longest gap between two ticks so far, whatever filled it, in milliseconds. */
  get longestGap(): number {
    return this.#longestGap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#control.terminate();
  }

  #look() {
    const at = performance.now();
    return { at, excused: this.#options.excused(), ticks: Atomics.load(this.#controlTicks, 0) };
  }

  #tick(): void {
    const before = this.#last;
    const now = this.#look();
    this.#last = now;
    const gap = now.at - before.at - TICK_MS;
    this.#longestGap = Math.max(this.#longestGap, gap);
    const isOurs = now.ticks - before.ticks > gap / (this.#options.slowness * TICK_MS);
    if (isOurs) this.#longest = Math.max(this.#longest, gap - (now.excused - before.excused));
  }
}
