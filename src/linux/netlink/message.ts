import { AttributeWriter, align4 } from "./attribute.ts";

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
  const writer = new AttributeWriter(MESSAGE_HEADER_SIZE + familyHeader.length);
  write?.(writer);
  const bytes = writer.finish();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  bytes.set(familyHeader, MESSAGE_HEADER_SIZE);
  return bytes;
}

/** Puts the sequence number into an encoded request. */
export function setSequence(message: Uint8Array, sequence: number): void {
  new DataView(message.buffer, message.byteOffset).setUint32(8, sequence, true);
}

/**
 * The messages of one datagram. Stops at the first message whose length does not fit, so that damaged bytes
 * neither throw nor loop.
 */
export function* readMessages(datagram: Uint8Array): Generator<Message> {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  let offset = 0;
  while (offset + MESSAGE_HEADER_SIZE <= datagram.length) {
    const length = view.getUint32(offset, true);
    if (length < MESSAGE_HEADER_SIZE || offset + length > datagram.length) return;
    yield {
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      portId: view.getUint32(offset + 12, true),
      payload: datagram.subarray(offset + MESSAGE_HEADER_SIZE, offset + length),
    };
    offset += align4(length);
  }
}
