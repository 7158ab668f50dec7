import type { LinkEvents } from "../linux/link-events.ts";
import { LanyardError } from "../model/errors.ts";

/**
 * Looks again at every announcement of a link until what is looked for is there. Throws LanyardError `timeout` when it
 * has not come after `patienceMs` milliseconds, `what` saying what was waited for, and `unavailable` when `signal` ends
 * the waiting.
 */
export async function awaitLinks<T>(
  events: Pick<LinkEvents, "onChange">,
  look: () => Promise<T | undefined>,
  what: string,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<T> {
  let wake = () => {};
  let hasNews = false;
  const onNews = () => {
    hasNews = true;
    wake();
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    wake();
  }, patienceMs);
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);
  // Before the first look: what comes after it is not missed.
  const unsubscribe = events.onChange(onNews, onNews);
  try {
    for (;;) {
      hasNews = false;
      const found = await look();
      if (found !== undefined) return found;
      if (isLate) throw new LanyardError("timeout", `${what} did not come within ${patienceMs / 1000} s`);
      if (signal.aborted) throw new LanyardError("unavailable", `${what} is waited for no longer`);
      if (!hasNews) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    unsubscribe();
  }
}
