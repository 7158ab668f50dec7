/**
 * Netlink attributes: type, length, payload, each aligned to 4 bytes (include/uapi/linux/netlink.h, struct
 * nlattr). Integers are in host order, which is little-endian on every machine this runs on (x64, arm64).
 */

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER_SIZE = 4;
/** The length field has 16 bits. */
const MAX_ATTRIBUTE_SIZE = 0xffff;

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
 * whose length does not fit, and a payload too short for what is asked reads as undefined.
 */
export class AttributeReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Offset and length of the last attribute of each type, as the kernel's own parser keeps it. */
  readonly #index = new Map<number, { at: number; length: number }>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { type, at, length } of this.#walk()) this.#index.set(type, { at, length });
  }

  has(type: number): boolean {
    return this.#index.has(type);
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
    const payload = this.bytes(type);
    if (payload === undefined) return undefined;
    const zero = payload.indexOf(0);
    return decoder.decode(zero < 0 ? payload : payload.subarray(0, zero));
  }

  bytes(type: number): Uint8Array | undefined {
    const found = this.#index.get(type);
    return found === undefined ? undefined : this.#bytes.subarray(found.at, found.at + found.length);
  }

  nested(type: number): AttributeReader | undefined {
    const payload = this.bytes(type);
    return payload === undefined ? undefined : new AttributeReader(payload);
  }

  /** All attributes in order, also those that repeat. */
  *entries(): Generator<Attribute> {
    for (const { type, at, length } of this.#walk()) {
      yield { type, payload: this.#bytes.subarray(at, at + length) };
    }
  }

  *#walk(): Generator<{ type: number; at: number; length: number }> {
    let offset = 0;
    while (offset + HEADER_SIZE <= this.#bytes.length) {
      const size = this.#view.getUint16(offset, true);
      if (size < HEADER_SIZE || offset + size > this.#bytes.length) return;
      const type = this.#view.getUint16(offset + 2, true) & NLA_TYPE_MASK;
      yield { type, at: offset + HEADER_SIZE, length: size - HEADER_SIZE };
      offset += align4(size);
    }
  }

  #find(type: number, size: number): number | undefined {
    const found = this.#index.get(type);
    return found === undefined || found.length < size ? undefined : found.at;
  }
}
