/** Time, so that a test can hold it in its hand. */
export interface Clock {
  /** Calls back once after so many milliseconds; the answer takes the call back. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
