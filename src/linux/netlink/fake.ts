import { EAGAIN } from "../errno.ts";
import type { DatagramSocket } from "./socket.ts";

/** What the fake kernel does at one `receive`. */
export type FakeReply =
  | { readonly datagram: Uint8Array }
  /** The call fails with this error number: ENOBUFS, EAGAIN, EINTR. */
  | { readonly errno: number };

/**
 * A socket without a kernel, for tests of what a kernel does rarely: overruns, cut answers, replies to
 * others, interrupted dumps and calls. `answer` is called for every request and gives the replies in order.
 */
export class FakeSocket implements DatagramSocket {
  readonly portId: number;
  /** Every request that was sent, in order. */
  readonly sent: Uint8Array[] = [];
  isClosed = false;
  readonly #answer: (request: Uint8Array, attempt: number) => readonly FakeReply[];
  #pending: FakeReply[] = [];

  constructor(answer: (request: Uint8Array, attempt: number) => readonly FakeReply[], portId = 4711) {
    this.#answer = answer;
    this.portId = portId;
  }

  send(message: Uint8Array): number {
    this.sent.push(message.slice());
    this.#pending.push(...this.#answer(message, this.sent.length));
    return message.length;
  }

  receive(buffer: Uint8Array): number {
    const reply = this.#pending.shift();
    // Nothing came before the time-out.
    if (reply === undefined) return -EAGAIN;
    if ("errno" in reply) return -reply.errno;
    buffer.set(reply.datagram.subarray(0, buffer.length));
    return reply.datagram.length;
  }

  close(): void {
    this.isClosed = true;
  }
}
