import { setTimeout as sleep } from "node:timers/promises";
import { LanyardError } from "../../model/errors.ts";
import { NetlinkError } from "../netlink/error.ts";
import { type Answer, messagesOf } from "../netlink/exchange.ts";
import type { Message } from "../netlink/message.ts";
import type { JobResult } from "./jobs.ts";
import type { JobRunner, Lane } from "./pool.ts";
import { type NamespacePlace, type Prepared, perform } from "./prepared.ts";

/** How a change is scheduled among others. */
export interface RequestOptions {
  /** `change` when absent. */
  readonly lane?: Lane;
  /** Nothing is changed, so that an answer that was cut is asked for again. The lane `read` says so by itself. */
  readonly isRead?: boolean;
  /** Changes with the same key happen in order, within this namespace: the link's index, as a rule. */
  readonly key?: string;
  /** Refusals that are no error, by error number. */
  readonly tolerates?: readonly number[];
  /** What a refusal means here, by error number, for when the kernel says nothing in words. */
  readonly reasons?: Readonly<Record<number, string>>;
}

/** What a dump gave. */
export interface DumpResult<T> {
  readonly entries: T[];
  /** True when the kernel's state kept changing while it was read: an object may be missing or doubled. */
  readonly isInconsistent: boolean;
}

/** Counts for the metrics; one object for all clients of a kernel. */
export interface NetlinkCounts {
  requests: number;
  errors: number;
  interruptedDumps: number;
}

const DUMP_ATTEMPTS = 5;

/** Requests and dumps of one netlink protocol in one network namespace. */
export class NetlinkClient {
  readonly #runner: JobRunner;
  readonly #protocol: number;
  readonly #place: NamespacePlace;
  readonly #counts: NetlinkCounts;

  constructor(runner: JobRunner, protocol: number, place: NamespacePlace, counts: NetlinkCounts) {
    this.#runner = runner;
    this.#protocol = protocol;
    this.#place = place;
    this.#counts = counts;
  }

  /**
   * Readies a request for being sent alone or in a sequence with others. `read` turns the answer's messages
   * into what the caller wants.
   */
  prepare<T>(
    operation: string,
    message: Uint8Array,
    options: RequestOptions,
    read: (messages: readonly Message[]) => T,
  ): Prepared<T> {
    const { lane = "change", key, tolerates, reasons } = options;
    const canRepeat = lane === "read" || options.isRead === true;
    return {
      operation,
      job: { do: "transact", protocol: this.#protocol, request: message, canRepeat },
      place: this.#place,
      lane,
      ...(key === undefined ? {} : { key: `${this.#place.keyPrefix}/${key}` }),
      ...(tolerates === undefined ? {} : { tolerates }),
      read: (result) => {
        if (result.did !== "transact") throw new LanyardError("internal", `a worker answered ${result.did}`);
        const { answer } = result;
        this.#counts.requests += 1;
        if (answer.errno !== 0 && tolerates?.includes(answer.errno) !== true)
          throw this.#refused(operation, answer, reasons);
        return read(messagesOf(answer));
      },
    };
  }

  /**
   * Sends one request and gives its payload messages. `operation` is words for people: `add address
   * 10.0.0.1/24 on net1`. Throws NetlinkError when the kernel refuses; after a time-out (ETIME) a change may
   * have happened all the same.
   */
  async request(
    operation: string,
    message: Uint8Array,
    options: RequestOptions = {},
  ): Promise<readonly Message[]> {
    const [messages] = await perform(this.#runner, [this.prepare(operation, message, options, (all) => all)]);
    return messages;
  }

  /** Sends one prepared request. */
  async send<T>(prepared: Prepared<T>): Promise<T> {
    const [value] = await perform(this.#runner, [prepared]);
    return value;
  }

  /**
   * Reads a table. `decode` turns each message into an entry, or undefined for one that is none; it runs while the rest
   * is still received. Interrupted dumps are repeated up to five times, then given marked
   * inconsistent. What asks a driver goes by the lane `slow`.
   */
  async dump<T>(
    operation: string,
    message: Uint8Array,
    decode: (message: Message) => T | undefined,
    lane: Lane = "read",
  ): Promise<DumpResult<T>> {
    for (let attempt = 1; ; attempt++) {
      const { answer, entries } = await this.#dumpOnce(operation, message, decode, lane);
      if (answer.errno !== 0) throw this.#refused(operation, answer);
      if (!answer.isInterrupted) return { entries, isInconsistent: false };
      this.#counts.interruptedDumps += 1;
      if (attempt === DUMP_ATTEMPTS) return { entries, isInconsistent: true };
      await sleep(2 ** (attempt - 1));
    }
  }

  async #dumpOnce<T>(
    operation: string,
    request: Uint8Array,
    decode: (message: Message) => T | undefined,
    lane: Lane,
  ): Promise<{ answer: Answer; entries: T[] }> {
    this.#counts.requests += 1;
    let entries: T[] = [];
    let last = 1;
    const add = (part: Pick<Answer, "pieces" | "attempt">) => {
      // It was cut somewhere, and comes from its beginning again.
      if (part.attempt !== last) entries = [];
      last = part.attempt;
      for (const message of messagesOf(part)) {
        const entry = decode(message);
        if (entry !== undefined) entries.push(entry);
      }
    };
    const transact = { do: "transact", protocol: this.#protocol, request } as const;
    const job = { ...transact, canRepeat: true, inParts: true };
    const read = (result: JobResult) => {
      if (result.did !== "transact") throw new LanyardError("internal", `a worker answered ${result.did}`);
      add(result.answer);
      return { answer: result.answer, entries };
    };
    return await this.send({ operation, job, place: this.#place, lane, readPart: add, read });
  }

  #refused(operation: string, answer: Answer, reasons: RequestOptions["reasons"] = {}): NetlinkError {
    this.#counts.errors += 1;
    return new NetlinkError(operation, answer.errno, answer.ack, reasons[answer.errno]);
  }
}
