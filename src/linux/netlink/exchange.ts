import { EAGAIN, EBUSY, EINTR, EINVAL, ETIME } from "../errno.ts";
import { align4 } from "./attribute.ts";
import { type ExtendedAck, readDonePayload, readErrorPayload } from "./error.ts";
import {
  MESSAGE_HEADER_SIZE,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  readMessages,
  setSequence,
} from "./message.ts";
import type { DatagramSocket } from "./socket.ts";

/** Far more datagrams than any dump has. */
const MOST_ATTEMPTS = 10_000;

/** What the kernel answered to one request. */
export interface Answer {
  /** 0, or the error number the kernel or the socket gave. */
  readonly errno: number;
  readonly ack: ExtendedAck;
  /**
   * The payload messages as they came, without the closing acknowledgement: whole messages one behind the other, each
   * piece in memory of its own, so that it can be handed to another thread. `messagesOf` tells them apart.
   */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** The kernel's state changed while it was dumped: objects may be missing or doubled. */
  readonly isInterrupted: boolean;
}

/** A receive buffer that grows when an answer did not fit, kept by a thread for all its exchanges. */
export class ReceiveBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;

  /** 128 KB holds every dump datagram (the kernel fills at most 32 KB) and every common single answer. */
  constructor(size = 128 * 1024) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  grow(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/**
 * Sends one request and collects its answer. Strictly one request is in flight on a socket. Replies with
 * another sequence number or port id are dropped. A call that a signal
 * interrupts is made again: nothing has been taken or given then. An answer that was cut is asked for again with a
 * larger buffer, when `canRepeat` (reads and dumps, never a change).
 */
export function exchange(
  socket: DatagramSocket,
  request: Uint8Array,
  sequence: number,
  buffer: ReceiveBuffer,
  canRepeat: boolean,
): Answer {
  let wasCut = false;
  for (let attempt = 1; ; attempt++) {
    const result = exchangeOnce(socket, request, sequence, buffer);
    if ("neededSize" in result) {
      const cutAt = buffer.bytes.length;
      buffer.grow(result.neededSize + 4096);
      if (!canRepeat) return failure(EINVAL, `the answer to a change was cut at ${cutAt} bytes`);
      wasCut = true;
    } else if (!wasCut || result.errno !== EBUSY || attempt >= MOST_ATTEMPTS) {
      return result;
    }
    // The rest of the old answer carries the old sequence number and is dropped. While the kernel is not through
    // with a dump it refuses the next with EBUSY (__netlink_dump_start, net/netlink/af_netlink.c), and goes on
    // with the old one each time something is received: asking again comes to its end.
    sequence = (sequence + 1) >>> 0;
  }
}

/** The payload messages of an answer. */
export function messagesOf({ pieces }: Answer): readonly Message[] {
  const only = pieces.length === 1 ? pieces[0] : undefined;
  return only === undefined ? pieces.flatMap(readMessages) : readMessages(only);
}

function exchangeOnce(
  socket: DatagramSocket,
  request: Uint8Array,
  sequence: number,
  { bytes, view }: ReceiveBuffer,
): Answer | { neededSize: number } {
  setSequence(request, sequence);
  const sent = untilNotInterrupted(() => socket.send(request));
  if (sent < 0) return failure(-sent === EAGAIN ? ETIME : -sent);
  const { portId } = socket;
  const needsAck = expectsAck(request);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let isInterrupted = false;
  for (;;) {
    const size = untilNotInterrupted(() => socket.receive(bytes));
    if (size < 0) return failure(-size === EAGAIN ? ETIME : -size);
    if (size > bytes.length) return { neededSize: size };
    // What is ours and payload is copied in one piece, because the buffer is used again for the next datagram.
    let pieceStart = 0;
    let at = 0;
    while (at + MESSAGE_HEADER_SIZE <= size) {
      const length = view.getUint32(at, true);
      if (length < MESSAGE_HEADER_SIZE || at + length > size) break;
      const next = at + align4(length);
      const type = view.getUint16(at + 4, true);
      const flags = view.getUint16(at + 6, true);
      const isOurs = view.getUint32(at + 8, true) === sequence && view.getUint32(at + 12, true) === portId;
      if (isOurs && (flags & NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
      // The control messages (NLMSG_NOOP, ERROR, DONE) have the lowest numbers.
      if (!isOurs || type <= NLMSG_DONE) {
        if (at > pieceStart) pieces.push(bytes.slice(pieceStart, at));
        pieceStart = next;
        if (isOurs && (type === NLMSG_ERROR || type === NLMSG_DONE)) {
          const payload = bytes.slice(at + MESSAGE_HEADER_SIZE, at + length);
          const end =
            type === NLMSG_ERROR ? readErrorPayload(payload, flags) : readDonePayload(payload, flags);
          return { errno: end.errno, ack: end.ack, pieces, isInterrupted };
        }
      } else if ((flags & NLM_F_MULTI) === 0 && !needsAck) {
        pieces.push(bytes.slice(pieceStart, at + length));
        return { errno: 0, ack: {}, pieces, isInterrupted };
      }
      at = next;
    }
    const end = Math.min(at, size);
    if (end > pieceStart) pieces.push(bytes.slice(pieceStart, end));
  }
}

function untilNotInterrupted(call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -EINTR) return result;
  }
}

function expectsAck(request: Uint8Array): boolean {
  return request.length >= MESSAGE_HEADER_SIZE && ((request[6] as number) & NLM_F_ACK) !== 0;
}

function failure(errno: number, message?: string): Answer {
  return { errno, ack: message === undefined ? {} : { message }, pieces: [], isInterrupted: false };
}
