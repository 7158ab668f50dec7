import { LanyardError } from "../../model/errors.ts";
import type { BpfAnswer, BpfCall } from "../worker/bpf-call.ts";
import type { JobRunner, Lane } from "../worker/pool.ts";
import { type NamespacePlace, perform } from "../worker/prepared.ts";
import { BpfError } from "./error.ts";

/** Where a call is done that needs no object: in no network namespace, and nothing is held open for it. */
const NOWHERE: NamespacePlace = { keyPrefix: "bpf", enter: () => ({ fd: undefined, leave: () => {} }) };

/** Calls bpf(2) away from the main thread. */
export class BpfClient {
  readonly #runner: JobRunner;

  constructor(runner: JobRunner) {
    this.#runner = runner;
  }

  /**
   * Does one call. `operation` is words for people; `place` holds the object's descriptor open meanwhile. Calls that
   * change one object happen in order. Throws BpfError when the kernel refuses, but for the error numbers in
   * `tolerates`.
   */
  async call(
    operation: string,
    call: BpfCall,
    lane: Lane,
    place: NamespacePlace = NOWHERE,
    tolerates: readonly number[] = [],
  ): Promise<BpfAnswer> {
    const answer = await this.attempt(operation, call, lane, place);
    if (answer.errno === 0 || tolerates.includes(answer.errno)) return answer;
    throw new BpfError(operation, answer.errno);
  }

  /** The same, and a refusal is an answer. */
  async attempt(
    operation: string,
    call: BpfCall,
    lane: Lane,
    place: NamespacePlace = NOWHERE,
  ): Promise<BpfAnswer> {
    const [answer] = await perform(this.#runner, [
      {
        operation,
        job: { do: "bpf", ...call },
        place,
        lane,
        ...(lane === "change" && { key: place.keyPrefix }),
        read: (result) => {
          if (result.did === "bpf") return result;
          throw new LanyardError("internal", `${operation}: a worker answered ${result.did}`);
        },
      },
    ]);
    return answer;
  }
}
