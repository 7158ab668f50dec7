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
import type { ReceiveBuffer } from "./receive-buffer.ts";
import type { DatagramSocket } from "./socket.ts";

/** Far more datagrams than any dump has. */
const MOST_ATTEMPTS = 10_000;

/** What the kernel answered to one request. */
export interface Answer {
  /** 0, or the error number the kernel or the socket gave. */
  readonly errno: number;
  readonly ack: ExtendedAck;
  /**
   * The payload messages as they came, without the closing acknowledgement: whole messages one behind the other.
   * `messagesOf` tells them apart. They lie in the receive buffer, until its next exchange.
   */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** The kernel's state changed while it was dumped: objects may be missing or doubled. */
  readonly isInterrupted: boolean;
  /** Which attempt it is from; parts of earlier ones (see `HandOver`) count no more. */
  readonly attempt: number;
}

/**
 * Takes what a long answer has brought so far, with its memory, in which nothing is received any more, while the rest
 * still comes. `attempt` counts from 1: an answer that was cut is asked for again from its beginning.
 */
export type HandOver = (pieces: Answer["pieces"], attempt: number) => void;

/**
 * Sends one request and collects its answer. Strictly one request is in flight on a socket. Replies with
 * another sequence number or port id are dropped. A call that a signal interrupts is made again: nothing has been taken
 * or given then. An answer that was cut is asked for again with a larger buffer, when `canRepeat` (reads and dumps,
 * never a change). Where there is a `handOver`, only the last part of a long answer is in what this returns.
 */
export function exchange(
  socket: DatagramSocket,
  request: Uint8Array,
  sequence: number,
  buffer: ReceiveBuffer,
  canRepeat: boolean,
  handOver?: HandOver,
): Answer {
  let wasCut = false;
  buffer.clear();
  for (let attempt = 1; ; attempt++) {
    const result = exchangeOnce(socket, request, sequence, buffer, attempt, handOver);
    if ("neededSize" in result) {
      const { neededSize, cutAt } = result;
      buffer.grow(neededSize + 4096);
      if (!canRepeat) return failure(attempt, EINVAL, `the answer to a change was cut at ${cutAt} bytes`);
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

/** The payload messages of an answer, or of a part of it. */
export function messagesOf({ pieces }: Pick<Answer, "pieces">): readonly Message[] {
  const only = pieces.length === 1 ? pieces[0] : undefined;
  return only === undefined ? pieces.flatMap(readMessages) : readMessages(only);
}

function exchangeOnce(
  socket: DatagramSocket,
  request: Uint8Array,
  sequence: number,
  buffer: ReceiveBuffer,
  attempt: number,
  handOver: HandOver | undefined,
): Answer | { neededSize: number; cutAt: number } {
  setSequence(request, sequence);
  let sent: number;
  do sent = socket.send(request);
  while (sent === -EINTR);
  if (sent < 0) return failure(attempt, -sent === EAGAIN ? ETIME : -sent);
  const { portId } = socket;
  const needsAck = expectsAck(request);
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let isInterrupted = false;
  for (;;) {
    if (handOver !== undefined && buffer.isFull && pieces.length > 0) {
      handOver(pieces, attempt);
      pieces = [];
      buffer.release();
    }
    const room = buffer.makeRoom();
    let size: number;
    do size = socket.receive(room);
    while (size === -EINTR);
    if (size < 0) return failure(attempt, -size === EAGAIN ? ETIME : -size);
    if (size > room.length) return { neededSize: size, cutAt: room.length };
    const { view, start } = buffer;
    const end = start + size;
    // What is ours and payload stays where it is, in one piece as far as nothing else stands in between.
    const kept = pieces.length;
    let at = start;
    let pieceStart = at;
    while (at + MESSAGE_HEADER_SIZE <= end) {
      const length = view.getUint32(at, true);
      if (length < MESSAGE_HEADER_SIZE || at + length > end) break;
      const next = at + align4(length);
      const type = view.getUint16(at + 4, true);
      const flags = view.getUint16(at + 6, true);
      const isOurs = view.getUint32(at + 8, true) === sequence && view.getUint32(at + 12, true) === portId;
      if (isOurs && (flags & NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
      // The control messages (NLMSG_NOOP, ERROR, DONE) have the lowest numbers.
      if (!isOurs || type <= NLMSG_DONE) {
        if (at > pieceStart) pieces.push(buffer.piece(pieceStart, at));
        pieceStart = next;
        if (isOurs && (type === NLMSG_ERROR || type === NLMSG_DONE)) {
          const payload = buffer.piece(at + MESSAGE_HEADER_SIZE, at + length);
          const { errno, ack } =
            type === NLMSG_ERROR ? readErrorPayload(payload, flags) : readDonePayload(payload, flags);
          return { errno, ack, pieces, isInterrupted, attempt };
        }
      } else if ((flags & NLM_F_MULTI) === 0 && !needsAck) {
        pieces.push(buffer.piece(pieceStart, at + length));
        return { errno: 0, ack: {}, pieces, isInterrupted, attempt };
      }
      at = next;
    }
    const last = Math.min(at, end);
    if (last > pieceStart) pieces.push(buffer.piece(pieceStart, last));
    if (pieces.length > kept) buffer.keep(end);
  }
}

function expectsAck(request: Uint8Array): boolean {
  return request.length >= MESSAGE_HEADER_SIZE && ((request[6] as number) & NLM_F_ACK) !== 0;
}

function failure(attempt: number, errno: number, message?: string): Answer {
  return { errno, ack: message === undefined ? {} : { message }, pieces: [], isInterrupted: false, attempt };
}
