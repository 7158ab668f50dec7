import { NetlinkClient } from "../../../../src/linux/worker/netlink-client.ts";
import type { JobRunner, Schedule } from "../../../../src/linux/worker/pool.ts";

/** A request that was sent, and when it would have been done. */
export interface Sent {
  readonly request: Uint8Array;
  readonly schedule: Schedule;
}

/** What a request is answered with: the messages of a datagram, or a refusal. */
export type Recorded = Uint8Array | { readonly errno: number };

/**
 * A client whose requests are kept instead of sent; each is answered with the messages of `datagram`, or with what it
 * gives for the request.
 */
export function makeRecorder(
  datagram: Uint8Array | ((request: Uint8Array) => Recorded) = new Uint8Array(),
  refusal = 0,
) {
  const sent: Sent[] = [];
  const runner: JobRunner = {
    run: async (tasks, schedule) =>
      tasks.map(({ job }) => {
        if (job.do !== "transact") throw new Error(`a request was expected, not ${job.do}`);
        sent.push({ request: job.request.slice(), schedule });
        const answer = typeof datagram === "function" ? datagram(job.request) : datagram;
        const errno = "errno" in answer ? answer.errno : refusal;
        const pieces = "errno" in answer || errno !== 0 ? [] : [new Uint8Array(answer)];
        return { did: "transact", answer: { errno, ack: {}, pieces, isInterrupted: false, attempt: 1 } };
      }),
  };
  const counts = { requests: 0, errors: 0, interruptedDumps: 0 };
  const place = { keyPrefix: "blue", enter: () => ({ fd: undefined, leave: () => {} }) };
  return { client: new NetlinkClient(runner, 0, place, counts), sent };
}
