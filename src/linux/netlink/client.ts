import { setTimeout as sleep } from "node:timers/promises";
import { LanyardError } from "../../model/errors.ts";
import { NetlinkError } from "./error.ts";
import type { Answer } from "./exchange.ts";
import type { Message } from "./message.ts";
import type { JobRunner, Lane } from "./pool.ts";

/** How a change is scheduled among others. */
export interface RequestOptions {
  /** `change` when absent. */
  readonly lane?: Lane;
  /** Changes with the same key happen in order, within this namespace: the link's index, as a rule. */
  readonly key?: string;
}

/** What a dump gave. */
export interface DumpResult {
  readonly messages: readonly Message[];
  /** True when the kernel's state kept changing while it was read: an object may be missing or doubled. */
  readonly isInconsistent: boolean;
}

/** Counts for the metrics; one object for all clients of a kernel. */
export interface NetlinkCounts {
  requests: number;
  errors: number;
  interruptedDumps: number;
}

/** Where a client's requests go. */
export interface ClientPlace {
  /** Descriptor of the namespace, asked for at every request because a closed one must not be used. */
  enter(): { readonly fd: number | undefined; leave(): void };
  /** Distinguishes this namespace's keys from another's. */
  readonly keyPrefix: string;
}

const DUMP_ATTEMPTS = 5;

/** Requests and dumps of one netlink protocol in one network namespace. */
export class NetlinkClient {
  readonly #runner: JobRunner;
  readonly #protocol: number;
  readonly #place: ClientPlace;
  readonly #counts: NetlinkCounts;

  constructor(runner: JobRunner, protocol: number, place: ClientPlace, counts: NetlinkCounts) {
    this.#runner = runner;
    this.#protocol = protocol;
    this.#place = place;
    this.#counts = counts;
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
    const answer = await this.#transact(
      message,
      options.lane ?? "change",
      options.key,
      options.lane === "read",
    );
    if (answer.errno !== 0) throw this.#refused(operation, answer);
    return answer.messages;
  }

  /** Reads a table. Interrupted dumps are repeated up to five times, then given marked inconsistent. */
  async dump(operation: string, message: Uint8Array): Promise<DumpResult> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#transact(message, "read", undefined, true);
      if (answer.errno !== 0) throw this.#refused(operation, answer);
      if (!answer.isInterrupted) return { messages: answer.messages, isInconsistent: false };
      this.#counts.interruptedDumps += 1;
      if (attempt === DUMP_ATTEMPTS) return { messages: answer.messages, isInconsistent: true };
      await sleep(2 ** (attempt - 1));
    }
  }

  async #transact(
    request: Uint8Array,
    lane: Lane,
    key: string | undefined,
    canRepeat: boolean,
  ): Promise<Answer> {
    this.#counts.requests += 1;
    const namespace = this.#place.enter();
    try {
      const result = await this.#runner.run(
        { do: "transact", protocol: this.#protocol, request, canRepeat },
        {
          lane,
          namespaceFd: namespace.fd,
          key: key === undefined ? undefined : `${this.#place.keyPrefix}/${key}`,
        },
      );
      if (result.did !== "transact") throw new LanyardError("internal", `a worker answered ${result.did}`);
      return result.answer;
    } finally {
      namespace.leave();
    }
  }

  #refused(operation: string, answer: Answer): NetlinkError {
    this.#counts.errors += 1;
    return new NetlinkError(operation, answer.errno, answer.ack);
  }
}
