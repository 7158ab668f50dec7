/** Messages for tests of what compares them, put together by hand. */

const MARK = 0x8000;

/** Bytes from hexadecimal text; blanks are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

/** One attribute with its padding. */
export function attribute(type: number, payload: string | Uint8Array): Uint8Array {
  const content = typeof payload === "string" ? hex(payload) : payload;
  const bytes = new Uint8Array(4 + Math.ceil(content.length / 4) * 4);
  new DataView(bytes.buffer).setUint16(0, 4 + content.length, true);
  new DataView(bytes.buffer).setUint16(2, type, true);
  bytes.set(content, 4);
  return bytes;
}

/** A nest without the flag that says so. */
export function nest(type: number, ...content: readonly Uint8Array[]): Uint8Array {
  return attribute(type, Buffer.concat(content));
}

/** A nest with the flag NLA_F_NESTED. */
export function markedNest(type: number, ...content: readonly Uint8Array[]): Uint8Array {
  return nest(type | MARK, ...content);
}

/** A message with NLM_F_REQUEST and NLM_F_ACK, where no other flags are given. */
export function message(
  type: number,
  familyHeader: string,
  attributes: readonly Uint8Array[],
  { flags = 5, sequence = 0, portId = 0 } = {},
): Uint8Array {
  const bytes = Buffer.concat([new Uint8Array(16), hex(familyHeader), ...attributes]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, portId, true);
  return Uint8Array.from(bytes);
}
