import assert from "node:assert/strict";
import { AttributeReader } from "../../../../src/linux/netlink/attribute.ts";
import { type Message, readMessages } from "../../../../src/linux/netlink/message.ts";

/** Hexadecimal bytes; blanks and what stands behind `#` on a line are for the reader. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/#.*$/gm, "").replace(/\s/g, ""), "hex"));
}

/** Asserts that bytes are these, as hexadecimal text. */
export function assertBytes(actual: Uint8Array, expected: string): void {
  assert.equal(Buffer.from(actual).toString("hex"), Buffer.from(bytesOf(expected)).toString("hex"));
}

/** The one message in these bytes. */
export function messageOf(bytes: Uint8Array): Message {
  const [message] = readMessages(bytes);
  assert.ok(message);
  return message;
}

/** The attributes in TCA_OPTIONS of a request. */
export function optionsOf(request: Uint8Array): AttributeReader {
  const options = new AttributeReader(messageOf(request).payload.subarray(20)).nested(2);
  assert.ok(options);
  return options;
}

/** Asserts that an attribute's payload is these bytes. */
export function assertAttribute(attributes: AttributeReader, type: number, expected: string): void {
  assertBytes(attributes.bytes(type) ?? new Uint8Array(), expected);
}
