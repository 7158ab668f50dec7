/** What a datagram's message is made of; what a test does not care about is filled in. */
export interface MessageParts {
  readonly type: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly portId?: number;
  readonly payload?: Uint8Array;
}

/** One message as the kernel lays it out: struct nlmsghdr, then the payload, padded to 4 bytes. */
export function layOut({
  type,
  flags = 0,
  sequence = 0,
  portId = 0,
  payload = new Uint8Array(),
}: MessageParts): Uint8Array {
  const length = 16 + payload.length;
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, portId, true);
  bytes.set(payload, 16);
  return bytes;
}

/** Several messages in one datagram. */
export function join(...messages: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(messages.flatMap((message) => [...message]));
}

/** A 32-bit value in host order, as the payload of NLMSG_ERROR and NLMSG_DONE begins. */
export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** The sequence number of a request or an answer. */
export function sequenceOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(8, true);
}
