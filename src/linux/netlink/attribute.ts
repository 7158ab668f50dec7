import { memoryOf, putUint16, putUint32 } from "./view.ts";

/**
 * Netlink attributes: type, length, payload, each aligned to 4 bytes (include/uapi/linux/netlink.h, struct
 * nlattr). Integers are in host order, which is little-endian on every machine this runs on (x64, arm64).
 */

const NLA_F_NESTED = 0x8000;
export const NLA_TYPE_MASK = 0x3fff;
/** struct nlattr: length and type, before the payload. */
export const ATTRIBUTE_HEADER_SIZE = 4;
/** The length field has 16 bits. */
const MAX_ATTRIBUTE_SIZE = 0xffff;

/** Most families have fewer types, and a short nest has few: room for them is made at once, and grows if need be. */
const USUAL_TYPES = 72;
const FEW_TYPES = 8;
/** Bytes. */
const LARGE_NEST = 128;

const encoder = new TextEncoder();
/** What the kernel holds, also where it begins like a byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Rounds up to the 4 bytes netlink aligns everything to. */
export function align4(size: number): number {
  return (size + 3) & ~3;
}

/** Writes a family header followed by attributes into one growing buffer. */
export class AttributeWriter {
  #bytes: Uint8Array;
  #length: number;

  /** `reserved` bytes at the front are left zero for the caller (message and family header). */
  constructor(reserved = 0, capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, align4(reserved)));
    this.#length = align4(reserved);
  }

  u8(type: number, value: number): this {
    const at = this.#begin(type, 1);
    this.#bytes[at] = value;
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#begin(type, 2);
    putUint16(this.#bytes, at, value);
    return this;
  }

  /** A 16-bit value in network order, as tc and VLAN attributes carry protocols. */
  u16be(type: number, value: number): this {
    const at = this.#begin(type, 2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#begin(type, 4);
    putUint32(this.#bytes, at, value);
    return this;
  }

  i32(type: number, value: number): this {
    return this.u32(type, value);
  }

  u64(type: number, value: bigint | number): this {
    const at = this.#begin(type, 8);
    const whole = BigInt.asUintN(64, BigInt(value));
    putUint32(this.#bytes, at, Number(whole & 0xffff_ffffn));
    putUint32(this.#bytes, at + 4, Number(whole >> 32n));
    return this;
  }

  /** A string with its closing zero byte. */
  string(type: number, value: string): this {
    const start = this.#length;
    const at = this.#begin(type, value.length + 1);
    for (let position = 0; position < value.length; position++) {
      const code = value.charCodeAt(position);
      if (code > 0x7f) {
        this.#length = start;
        return this.#wideString(type, value);
      }
      this.#bytes[at + position] = code;
    }
    this.#bytes[at + value.length] = 0;
    return this;
  }

  #wideString(type: number, value: string): this {
    const text = encoder.encode(value);
    const at = this.#begin(type, text.length + 1);
    this.#bytes.set(text, at);
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#begin(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** An attribute that says something by being there. */
  flag(type: number): this {
    this.#begin(type, 0);
    return this;
  }

  /** A nest; `write` fills it. `isMarked: false` for the old families (tc) that know no nested flag. */
  nest(type: number, write: (nest: AttributeWriter) => void, isMarked = true): this {
    const start = this.#length;
    this.#begin(isMarked ? type | NLA_F_NESTED : type, 0);
    write(this);
    const size = this.#length - start;
    if (size > MAX_ATTRIBUTE_SIZE) throw new RangeError(`attribute ${type} is ${size} bytes, above 65535`);
    putUint16(this.#bytes, start, size);
    return this;
  }

  /** Unframed bytes inside a nest, for attributes whose payload is a structure followed by attributes. */
  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** The bytes written so far; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #begin(type: number, payload: number): number {
    const size = ATTRIBUTE_HEADER_SIZE + payload;
    if (size > MAX_ATTRIBUTE_SIZE) throw new RangeError(`attribute ${type} is ${size} bytes, above 65535`);
    const at = this.#reserve(size);
    putUint16(this.#bytes, at, size);
    putUint16(this.#bytes, at + 2, type);
    return at + ATTRIBUTE_HEADER_SIZE;
  }

  #reserve(size: number): number {
    const at = this.#length;
    const end = at + align4(size);
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#length = end;
    return at;
  }
}

/** One attribute as it came. */
export interface Attribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

/**
 * Attributes read on demand. Hostile bytes never throw and never loop: reading stops at the first attribute
 * whose length does not fit, and a payload too short for what is asked reads as undefined. Of attributes that repeat,
 * the last counts, as in the kernel's own parser.
 */
export class AttributeReader {
  readonly #bytes: Uint8Array;
  /** Offsets are those in this memory. */
  readonly #memory: DataView;
  readonly #start: number;
  readonly #end: number;
  /** Where the payload of each type starts; its length stands in the attribute's header. */
  readonly #starts: (number | undefined)[];

  /** Reads from `start`, behind a family header, up to `end`. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#memory = memoryOf(bytes);
    this.#start = bytes.byteOffset + start;
    this.#end = bytes.byteOffset + end;
    const starts = new Array<number | undefined>(end - start > LARGE_NEST ? USUAL_TYPES : FEW_TYPES);
    this.#starts = starts;
    for (let at = this.#start; at + ATTRIBUTE_HEADER_SIZE <= this.#end; ) {
      const size = this.#memory.getUint16(at, true);
      if (size < ATTRIBUTE_HEADER_SIZE || at + size > this.#end) return;
      starts[this.#memory.getUint16(at + 2, true) & NLA_TYPE_MASK] = at + ATTRIBUTE_HEADER_SIZE;
      at += align4(size);
    }
  }

  has(type: number): boolean {
    return this.#starts[type] !== undefined;
  }

  u8(type: number): number | undefined {
    const at = this.#find(type, 1);
    return at === undefined ? undefined : this.#memory.getUint8(at);
  }

  u16(type: number): number | undefined {
    const at = this.#find(type, 2);
    return at === undefined ? undefined : this.#memory.getUint16(at, true);
  }

  u32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at === undefined ? undefined : this.#memory.getUint32(at, true);
  }

  i32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at === undefined ? undefined : this.#memory.getInt32(at, true);
  }

  u64(type: number): bigint | undefined {
    const at = this.#find(type, 8);
    return at === undefined ? undefined : this.#memory.getBigUint64(at, true);
  }

  /** Text up to the first zero byte. */
  string(type: number): string | undefined {
    const at = this.#starts[type];
    return at === undefined ? undefined : readText(this.#memory, at, at + this.#lengthAt(at));
  }

  bytes(type: number): Uint8Array | undefined {
    const at = this.#starts[type];
    return at === undefined ? undefined : this.#part(at, at + this.#lengthAt(at));
  }

  nested(type: number): AttributeReader | undefined {
    const at = this.#starts[type];
    if (at === undefined) return undefined;
    const start = at - this.#bytes.byteOffset;
    return new AttributeReader(this.#bytes, start, start + this.#lengthAt(at));
  }

  /** All attributes in order, also those that repeat. */
  entries(): Attribute[] {
    const entries: Attribute[] = [];
    for (let at = this.#start; at + ATTRIBUTE_HEADER_SIZE <= this.#end; ) {
      const size = this.#memory.getUint16(at, true);
      if (size < ATTRIBUTE_HEADER_SIZE || at + size > this.#end) break;
      const type = this.#memory.getUint16(at + 2, true) & NLA_TYPE_MASK;
      entries.push({ type, payload: this.#part(at + ATTRIBUTE_HEADER_SIZE, at + size) });
      at += align4(size);
    }
    return entries;
  }

  #part(start: number, end: number): Uint8Array {
    const { byteOffset } = this.#bytes;
    return this.#bytes.subarray(start - byteOffset, end - byteOffset);
  }

  /** Payload length of the attribute whose payload starts here. */
  #lengthAt(start: number): number {
    return this.#memory.getUint16(start - ATTRIBUTE_HEADER_SIZE, true) - ATTRIBUTE_HEADER_SIZE;
  }

  #find(type: number, size: number): number | undefined {
    const at = this.#starts[type];
    return at === undefined || this.#lengthAt(at) < size ? undefined : at;
  }
}

/** Text of a payload, up to its first zero byte. */
export function decodeText(payload: Uint8Array): string {
  return readText(memoryOf(payload), payload.byteOffset, payload.byteOffset + payload.length);
}

/**
 * Text in a part of a memory, up to its first zero byte. Names are short and ASCII as a rule, and then three times as
 * fast to read without a decoder.
 */
export function readText(memory: DataView, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) {
    const code = memory.getUint8(at);
    if (code === 0) return text;
    if (code > 0x7f) return decodeWide(new Uint8Array(memory.buffer, start, end - start));
    text += String.fromCharCode(code);
  }
  return text;
}

function decodeWide(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  return decoder.decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}
