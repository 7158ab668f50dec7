import { NetlinkClient } from "../../../../src/linux/netlink/client.ts";
import { type Message, readMessages } from "../../../../src/linux/netlink/message.ts";
import type { JobRunner, Schedule } from "../../../../src/linux/netlink/pool.ts";

/** A request that was sent, and when it would have been done. */
export interface Sent {
  readonly request: Uint8Array;
  readonly schedule: Schedule;
}

/** A client whose requests are kept instead of sent; each is answered with the messages of `datagram`. */
export function makeRecorder(datagram: Uint8Array = new Uint8Array(), errno = 0) {
  const sent: Sent[] = [];
  const runner: JobRunner = {
    run: async (tasks, schedule) =>
      tasks.map(({ job }) => {
        if (job.do !== "transact") throw new Error(`a request was expected, not ${job.do}`);
        sent.push({ request: job.request, schedule });
        const messages: Message[] = errno === 0 ? [...readMessages(datagram)] : [];
        return { did: "transact", answer: { errno, ack: {}, messages, isInterrupted: false } };
      }),
  };
  const counts = { requests: 0, errors: 0, interruptedDumps: 0 };
  const place = { keyPrefix: "blue", enter: () => ({ fd: undefined, leave: () => {} }) };
  return { client: new NetlinkClient(runner, 0, place, counts), sent };
}
