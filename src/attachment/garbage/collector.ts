import type { Logger } from "pino";
import { type Clock, systemClock } from "../../model/clock.ts";
import { errorText } from "../../model/errors.ts";
import { podKey } from "../../model/pod.ts";
import type { PodSource, SandboxSource } from "../../model/ports.ts";
import { SerialTask } from "../../model/serial-task.ts";
import { type Collectable, judge, type Surveyed } from "./garbage.ts";

export interface GarbageCollectorOptions {
  readonly attachments: Collectable;
  /** The runtime; absent where there is none to ask: then only namespaces count. */
  readonly sandboxes?: SandboxSource;
  /** The kubelet; absent where there is none to ask. */
  readonly pods?: PodSource;
  /** Time between two rounds, in milliseconds. */
  readonly intervalMs: number;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Releases what nobody owns: journal, namespaces, runtime and kubelet are compared at the start and again and again.
 * Runtimes forget a DEL, and not all of them ask for a GC. What is released is released with its addresses.
 */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  readonly #clock: Clock;
  readonly #rounds = new SerialTask(() => this.#round());
  /** What the last round found to be nobody's, by id. */
  #suspects: ReadonlySet<number> = new Set();
  #released: readonly string[] = [];
  #cancelNext: (() => void) | undefined;
  #isStopped = false;
  /** What was said last of each who does not answer. */
  readonly #silences = new Map<string, string>();

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Begins the first round; returns at once. */
  start(): void {
    void this.#rounds.request().then(() => {
      if (!this.#isStopped)
        this.#cancelNext = this.#clock.after(this.#options.intervalMs, () => this.start());
    });
  }

  /** Resolves when no round is under way; there is none afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelNext?.();
    await this.#rounds.settle();
  }

  /** Does a round now, and tells in a sentence each what it released. */
  async collect(): Promise<readonly string[]> {
    await this.#rounds.request();
    return this.#released;
  }

  async #round(): Promise<void> {
    const { attachments, sandboxes, pods, log } = this.#options;
    try {
      // The attachments first: a sandbox that comes meanwhile is told by the runtime, and not the other way round.
      const surveyed = await attachments.survey();
      const witnesses = {
        sandboxes: await this.#ask("the container runtime", () => sandboxes?.sandboxes()),
        pods: pods === undefined ? ("nobody" as const) : await this.#ask("the kubelet", () => pods.pods()),
      };
      const suspects = new Set<number>();
      const released: string[] = [];
      for (const attachment of surveyed) {
        const verdict = judge(attachment, witnesses, this.#suspects.has(attachment.id));
        if (!verdict.isReleased && verdict.isSuspect) suspects.add(attachment.id);
        if (verdict.isReleased) released.push(...(await this.#release(attachment, verdict.why)));
      }
      this.#suspects = suspects;
      this.#released = released;
    } catch (error) {
      log.error({ err: error }, "a round of garbage collection was cut off; there is another one later");
    }
  }

  /** What it said to it; nothing when it failed, and is tried again by the next round. */
  async #release({ id, pod, interfaceName }: Surveyed, why: string): Promise<string[]> {
    const { attachments, log } = this.#options;
    const sentence = `interface ${interfaceName} of pod ${podKey(pod)} was released: ${why}`;
    try {
      await attachments.retire(id);
      log.info(sentence);
      return [sentence];
    } catch (error) {
      log.warn(
        { err: error, pod: podKey(pod), interface: interfaceName },
        `it cannot be released, though ${why}`,
      );
      return [];
    }
  }

  /** What somebody answers; undefined when they do not, which is said once. */
  async #ask<T>(who: string, question: () => Promise<T> | undefined): Promise<T | undefined> {
    try {
      const answer = await question();
      this.#silences.delete(who);
      return answer;
    } catch (error) {
      const text = errorText(error);
      if (this.#silences.get(who) !== text) {
        this.#options.log.warn(
          `${who} does not tell what it has, and what may be its is left alone: ${text}`,
        );
      }
      this.#silences.set(who, text);
      return undefined;
    }
  }
}
