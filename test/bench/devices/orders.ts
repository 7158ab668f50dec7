import { errorText } from "../../../src/model/errors.ts";

/** What a process can be asked to do, by name. Arguments and results travel as structured clones. */
export type Orders = Readonly<Record<string, (...parameters: never) => unknown>>;

export type ArgumentOf<F extends Orders[string]> = Parameters<F>;
export type ResultOf<F extends Orders[string]> = Awaited<ReturnType<F>>;

export interface Order {
  readonly id: number;
  readonly name: string;
  readonly parameters: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  /** Why it could not be done. */
  readonly error?: string;
}

/**
 * Does what the process that started this one asks for, until that one lets go of it; then calls `end`, and ends with
 * what that resolves to.
 */
export function obey(orders: Orders, end: () => Promise<void> = async () => {}): void {
  process.on("message", async ({ id, name, parameters }: Order) => {
    let answer: Answer;
    try {
      const order = orders[name] as ((...parameters: readonly unknown[]) => unknown) | undefined;
      if (order === undefined) throw new Error(`no order "${name}"`);
      answer = { id, result: await order(...parameters) };
    } catch (error) {
      answer = { id, error: errorText(error) };
    }
    if (process.connected) process.send?.(answer);
  });
  process.once("disconnect", async () => {
    await end();
    process.exit();
  });
}

/** Memory of this process that is in RAM, in MiB, without what nobody needs any more. */
export function residentMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1024 / 1024;
}
