import { AttributeWriter, align4 } from "./attribute.ts";
import { putUint32, takeUint32 } from "./view.ts";

/** struct nlmsghdr: length, type, flags, sequence, port id (include/uapi/linux/netlink.h). */
export const MESSAGE_HEADER_SIZE = 16;

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
/** Modifiers of a GET. */
export const NLM_F_DUMP = 0x300;
/** Modifiers of a NEW. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** One message as it came: what it is, and the bytes behind its header. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Uint8Array;
}

/**
 * A request, ready to send but for its sequence number, which the sending socket puts in. `familyHeader` is
 * the fixed structure behind the message header (ifinfomsg, tcmsg, ...).
 */
export function encodeMessage(
  type: number,
  flags: number,
  familyHeader: Uint8Array,
  write?: (attributes: AttributeWriter) => void,
): Uint8Array {
  const bytes = write === undefined ? layHeader(familyHeader) : writeAttributes(familyHeader, write);
  bytes.set(familyHeader, MESSAGE_HEADER_SIZE);
  putUint32(bytes, 0, bytes.length);
  putUint32(bytes, 4, type | ((NLM_F_REQUEST | flags) << 16));
  return bytes;
}

function layHeader(familyHeader: Uint8Array): Uint8Array {
  return new Uint8Array(align4(MESSAGE_HEADER_SIZE + familyHeader.length));
}

function writeAttributes(familyHeader: Uint8Array, write: (attributes: AttributeWriter) => void): Uint8Array {
  const writer = new AttributeWriter(MESSAGE_HEADER_SIZE + familyHeader.length);
  write(writer);
  return writer.finish();
}

/** Puts the sequence number into an encoded request. */
export function setSequence(message: Uint8Array, sequence: number): void {
  putUint32(message, 8, sequence);
}

/**
 * The messages of one datagram. Stops at the first message whose length does not fit, so that damaged bytes
 * neither throw nor loop.
 */
export function readMessages(datagram: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let offset = 0; offset + MESSAGE_HEADER_SIZE <= datagram.length; ) {
    const length = takeUint32(datagram, offset);
    if (length < MESSAGE_HEADER_SIZE || offset + length > datagram.length) break;
    const message = readMessage(datagram, offset, length);
    // Most datagrams hold one message.
    if (offset === 0 && length === datagram.length) return [message];
    messages.push(message);
    offset += align4(length);
  }
  return messages;
}

function readMessage(datagram: Uint8Array, offset: number, length: number): Message {
  const typeAndFlags = takeUint32(datagram, offset + 4);
  return {
    type: typeAndFlags & 0xffff,
    flags: typeAndFlags >>> 16,
    sequence: takeUint32(datagram, offset + 8),
    portId: takeUint32(datagram, offset + 12),
    payload: datagram.subarray(offset + MESSAGE_HEADER_SIZE, offset + length),
  };
}
