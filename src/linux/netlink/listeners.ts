import type { Unsubscribe } from "../../model/ports.ts";

/**
 * Those who listen to one kind of announcement. What one of them throws keeps none of the others from hearing; it is
 * thrown again, uncaught, once all have heard.
 */
export class Listeners<T> {
  readonly #listeners = new Set<T>();

  add(listener: T): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `say` for each of those who listen now. */
  tell(say: (listener: T) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        say(listener);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
