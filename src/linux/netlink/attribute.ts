/**
 * Netlink attributes: type, length, payload, each aligned to 4 bytes (include/uapi/linux/netlink.h, struct
 * nlattr). Integers are in host order, which is little-endian on every machine this runs on (x64, arm64).
 */

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER_SIZE = 4;
/** The length field has 16 bits. */
const MAX_ATTRIBUTE_SIZE = 0xffff;

/** Most families have fewer types; room for them is made at once. */
const USUAL_TYPES = 72;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Rounds up to the 4 bytes netlink aligns everything to. */
export function align4(size: number): number {
  return (size + 3) & ~3;
}

/** Writes a family header followed by attributes into one growing buffer. */
export class AttributeWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length: number;

  /** `reserved` bytes at the front are left zero for the caller (message and family header). */
  constructor(reserved = 0, capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, align4(reserved)));
    this.#view = new DataView(this.#bytes.buffer);
    this.#length = align4(reserved);
  }

  u8(type: number, value: number): this {
    const at = this.#begin(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#begin(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** A 16-bit value in network order, as tc and VLAN attributes carry protocols. */
  u16be(type: number, value: number): this {
    const at = this.#begin(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#begin(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(type: number, value: number): this {
    const at = this.#begin(type, 4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  u64(type: number, value: bigint | number): this {
    const at = this.#begin(type, 8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** A string with its closing zero byte. */
  string(type: number, value: string): this {
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
    this.#view.setUint16(start, size, true);
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
    const size = HEADER_SIZE + payload;
    if (size > MAX_ATTRIBUTE_SIZE) throw new RangeError(`attribute ${type} is ${size} bytes, above 65535`);
    const at = this.#reserve(size);
    this.#view.setUint16(at, size, true);
    this.#view.setUint16(at + 2, type, true);
    return at + HEADER_SIZE;
  }

  #reserve(size: number): number {
    const at = this.#length;
    const end = at + align4(size);
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
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
  readonly #view: DataView;
  /** Where the payload of each type starts; its length stands in the attribute's header. */
  readonly #starts: (number | undefined)[];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = view;
    const end = bytes.length;
    const starts = new Array<number | undefined>(Math.min(USUAL_TYPES, end >> 3));
    this.#starts = starts;
    for (let offset = 0; offset + HEADER_SIZE <= end; ) {
      const size = view.getUint16(offset, true);
      if (size < HEADER_SIZE || offset + size > end) return;
      starts[view.getUint16(offset + 2, true) & NLA_TYPE_MASK] = offset + HEADER_SIZE;
      offset += align4(size);
    }
  }

  has(type: number): boolean {
    return this.#starts[type] !== undefined;
  }

  u8(type: number): number | undefined {
    const at = this.#find(type, 1);
    return at === undefined ? undefined : this.#view.getUint8(at);
  }

  u16(type: number): number | undefined {
    const at = this.#find(type, 2);
    return at === undefined ? undefined : this.#view.getUint16(at, true);
  }

  u32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at === undefined ? undefined : this.#view.getUint32(at, true);
  }

  i32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at === undefined ? undefined : this.#view.getInt32(at, true);
  }

  u64(type: number): bigint | undefined {
    const at = this.#find(type, 8);
    return at === undefined ? undefined : this.#view.getBigUint64(at, true);
  }

  /** Text up to the first zero byte. */
  string(type: number): string | undefined {
    const at = this.#starts[type];
    return at === undefined ? undefined : readText(this.#bytes, at, at + this.#lengthAt(at));
  }

  bytes(type: number): Uint8Array | undefined {
    const at = this.#starts[type];
    return at === undefined ? undefined : this.#bytes.subarray(at, at + this.#lengthAt(at));
  }

  nested(type: number): AttributeReader | undefined {
    const payload = this.bytes(type);
    return payload === undefined ? undefined : new AttributeReader(payload);
  }

  /** All attributes in order, also those that repeat. */
  entries(): Attribute[] {
    const entries: Attribute[] = [];
    for (let offset = 0; offset + HEADER_SIZE <= this.#bytes.length; ) {
      const size = this.#view.getUint16(offset, true);
      if (size < HEADER_SIZE || offset + size > this.#bytes.length) break;
      const type = this.#view.getUint16(offset + 2, true) & NLA_TYPE_MASK;
      entries.push({ type, payload: this.#bytes.subarray(offset + HEADER_SIZE, offset + size) });
      offset += align4(size);
    }
    return entries;
  }

  /** Payload length of the attribute whose payload starts here. */
  #lengthAt(start: number): number {
    return this.#view.getUint16(start - HEADER_SIZE, true) - HEADER_SIZE;
  }

  #find(type: number, size: number): number | undefined {
    const at = this.#starts[type];
    return at === undefined || this.#lengthAt(at) < size ? undefined : at;
  }
}

/** Text of a payload, up to its first zero byte. */
export function decodeText(payload: Uint8Array): string {
  return readText(payload, 0, payload.length);
}

/** Names are short and ASCII as a rule, and then three times as fast to read without a decoder. */
function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number;
    if (code === 0) return text;
    if (code > 0x7f) return decodeWide(bytes, start, end);
    text += String.fromCharCode(code);
  }
  return text;
}

function decodeWide(bytes: Uint8Array, start: number, end: number): string {
  const zero = bytes.indexOf(0, start);
  return decoder.decode(bytes.subarray(start, zero < 0 || zero > end ? end : zero));
}
