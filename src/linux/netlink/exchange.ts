import { EAGAIN, EBUSY, EINVAL, ETIME } from "../errno.ts";
import { type ExtendedAck, readDonePayload, readErrorPayload } from "./error.ts";
import {
  MESSAGE_HEADER_SIZE,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
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
  /** The payload messages, without the closing acknowledgement. */
  readonly messages: readonly Message[];
  /** The kernel's state changed while it was dumped: objects may be missing or doubled. */
  readonly isInterrupted: boolean;
}

/** A receive buffer that grows when an answer did not fit, kept by a thread for all its exchanges. */
export interface ReceiveBuffer {
  bytes: Uint8Array;
}

/** 128 KB holds every dump datagram (the kernel fills at most 32 KB) and every common single answer. */
export function makeReceiveBuffer(size = 128 * 1024): ReceiveBuffer {
  return { bytes: new Uint8Array(size) };
}

/**
 * Sends one request and collects its answer. Strictly one request is in flight on a socket. Replies with
 * another sequence number or port id, or from a sender that is not the kernel, are dropped. An answer that
 * was cut is asked for again with a larger buffer, when `canRepeat` (reads and dumps, never a change).
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
    const result = exchangeOnce(socket, request, sequence, buffer.bytes);
    if ("neededSize" in result) {
      const cutAt = buffer.bytes.length;
      buffer.bytes = new Uint8Array(result.neededSize + 4096);
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

function exchangeOnce(
  socket: DatagramSocket,
  request: Uint8Array,
  sequence: number,
  buffer: Uint8Array,
): Answer | { neededSize: number } {
  setSequence(request, sequence);
  const sent = socket.send(request);
  if (sent < 0) return failure(-sent === EAGAIN ? ETIME : -sent);
  const messages: Message[] = [];
  let isInterrupted = false;
  for (;;) {
    const received = socket.receive(buffer);
    if (typeof received === "number") return failure(-received === EAGAIN ? ETIME : -received);
    if (received.senderPort !== 0) continue;
    if (received.size > buffer.length) return { neededSize: received.size };
    // Copied because the buffer is used again for the next datagram.
    for (const message of readMessages(buffer.slice(0, received.size))) {
      if (message.sequence !== sequence || message.portId !== socket.portId) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
      if (message.type === NLMSG_NOOP) continue;
      if (message.type === NLMSG_ERROR) {
        return { ...readErrorPayload(message.payload, message.flags), messages, isInterrupted };
      }
      if (message.type === NLMSG_DONE) {
        return { ...readDonePayload(message.payload, message.flags), messages, isInterrupted };
      }
      messages.push(message);
      if ((message.flags & NLM_F_MULTI) === 0 && !expectsAck(request)) {
        return { errno: 0, ack: {}, messages, isInterrupted };
      }
    }
  }
}

function expectsAck(request: Uint8Array): boolean {
  return request.length >= MESSAGE_HEADER_SIZE && ((request[6] as number) & NLM_F_ACK) !== 0;
}

function failure(errno: number, message?: string): Answer {
  return { errno, ack: message === undefined ? {} : { message }, messages: [], isInterrupted: false };
}
