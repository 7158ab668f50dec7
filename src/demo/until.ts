import { setTimeout as sleep } from "node:timers/promises";
import { errorText, LanyardError } from "../model/errors.ts";
import { monotonicNow } from "./clock.ts";

/** Between two looks, in milliseconds. */
const INTERVAL_MS = 25;
const TIMEOUT_MS = 15_000;

export interface UntilOptions {
  /** Ends the waiting with its reason. */
  readonly signal: AbortSignal;
  /** 15 s where nothing else is said. */
  readonly timeoutMs?: number;
  /** What there is instead, for the message when time is up. */
  readonly lastSeen?: () => string;
}

/**
 * Looks again and again until there is something. An agent that does not answer is "not yet".
 * @throws LanyardError `timeout`, naming `what` and the last state seen
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  options: UntilOptions,
): Promise<T> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  const deadline = monotonicNow() + timeoutMs;
  let refusal: LanyardError | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const found = await look();
      if (found !== undefined) return found;
      refusal = undefined;
    } catch (error) {
      if (!(error instanceof LanyardError && error.code === "unavailable")) throw error;
      refusal = error;
    }
    if (monotonicNow() > deadline) {
      const seen = refusal === undefined ? options.lastSeen?.() : errorText(refusal);
      const instead = seen === undefined || seen === "" ? "" : `; last seen: ${seen}`;
      throw new LanyardError("timeout", `${what}: not within ${timeoutMs / 1000} s${instead}`);
    }
    await pause(INTERVAL_MS, signal);
  }
}

/** Waits some milliseconds. Throws the signal's reason when it comes first. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
