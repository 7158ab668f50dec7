/** Time, so that a test can hold it in its hand; in milliseconds. */
export interface Clock {
  /** From any beginning, and never backwards. */
  now(): number;
  /** Calls back once after so many milliseconds; the answer takes the call back. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
