import type { ProvisioningStep } from "./steps.ts";

/** Times in milliseconds. */
export interface RetryTiming {
  /** After how long what failed is tried again at first; twice that after every further time. */
  readonly leastRetryMs: number;
  readonly mostRetryMs: number;
}

/**
 * Remembers what failed, so that the same is not tried again before its time: an attempt makes the kernel announce
 * links, and each announcement has the PF looked at.
 */
export class Attempts {
  readonly #timing: RetryTiming;
  #failures = 0;
  #last: { readonly steps: string; readonly message: string; readonly until: number } | undefined;

  constructor(timing: RetryTiming) {
    this.#timing = timing;
  }

  /** Notes that steps failed; none where it did not come to any. */
  fail(steps: readonly ProvisioningStep[], message: string): void {
    const { leastRetryMs, mostRetryMs } = this.#timing;
    const wait = Math.min(mostRetryMs, leastRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#last = { steps: JSON.stringify(steps), message, until: performance.now() + wait };
  }

  succeed(): void {
    this.#failures = 0;
    this.#last = undefined;
  }

  /** What went wrong the last time, when these are the same steps and their time has not come. */
  objection(steps: readonly ProvisioningStep[]): string | undefined {
    const last = this.#last;
    const isTooSoon = last !== undefined && performance.now() < last.until;
    return isTooSoon && last.steps === JSON.stringify(steps) ? last.message : undefined;
  }

  /** How long to wait before the next attempt, in milliseconds; undefined when nothing failed. */
  get waitMs(): number | undefined {
    return this.#last === undefined ? undefined : Math.max(0, this.#last.until - performance.now());
  }
}
