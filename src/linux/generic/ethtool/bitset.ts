import { AttributeReader, type AttributeWriter } from "../../netlink/attribute.ts";
import { nestsOf } from "../family.ts";

/** Attributes of a set of bits (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_A_BITSET_NOMASK = 1;
const ETHTOOL_A_BITSET_BITS = 3;
const ETHTOOL_A_BITSET_VALUE = 4;
const ETHTOOL_A_BITSET_MASK = 5;
/** Inside ETHTOOL_A_BITSET_BITS. */
const ETHTOOL_A_BITSET_BITS_BIT = 1;
const ETHTOOL_A_BITSET_BIT_INDEX = 1;
const ETHTOOL_A_BITSET_BIT_NAME = 2;
const ETHTOOL_A_BITSET_BIT_VALUE = 3;

/** One bit of which a set speaks. */
export interface Bit {
  /** Its name, or `bit 93` where it has none. */
  readonly name: string;
  readonly isSet: boolean;
}

/** A set of named bits: those in its mask, or those that are set where it has none. */
export type Bitset = readonly Bit[];

/** Names of all bits a set speaks of. */
export function namesOf(bitset: Bitset): string[] {
  return bitset.map(({ name }) => name);
}

/** Names of the bits that are set. */
export function setNamesOf(bitset: Bitset): string[] {
  return namesOf(bitset.filter(({ isSet }) => isSet));
}

/**
 * Reads a set of bits in either of its forms (Documentation/networking/ethtool-netlink.rst, "Bit sets"): each bit with
 * its name, as the kernel answers who asks for nothing else, or bitmaps of values and mask, which have no names.
 */
export function readBitset(payload: Uint8Array): Bitset {
  const attributes = new AttributeReader(payload);
  const isList = attributes.has(ETHTOOL_A_BITSET_NOMASK);
  const nest = attributes.nested(ETHTOOL_A_BITSET_BITS);
  if (nest !== undefined) {
    return nestsOf(nest, ETHTOOL_A_BITSET_BITS_BIT).flatMap((bit) => {
      const name = nameOfBit(bit);
      return name === undefined ? [] : [{ name, isSet: isList || bit.has(ETHTOOL_A_BITSET_BIT_VALUE) }];
    });
  }
  const values = attributes.bytes(ETHTOOL_A_BITSET_VALUE) ?? new Uint8Array();
  const mask = isList ? values : (attributes.bytes(ETHTOOL_A_BITSET_MASK) ?? new Uint8Array());
  return bitsIn(mask).map((bit) => ({ name: `bit ${bit}`, isSet: isIn(values, bit) }));
}

/** Writes which bits are meant and what they shall be; all others stay. */
export function writeBits(
  type: number,
  bits: Readonly<Record<string, boolean>>,
  attributes: AttributeWriter,
): void {
  attributes.nest(type, (nest) => {
    writeNames(Object.keys(bits), nest, (name, bit) => {
      if (bits[name] === true) bit.flag(ETHTOOL_A_BITSET_BIT_VALUE);
    });
  });
}

/** Writes the bits that shall be set; all others shall not. */
export function writeList(type: number, names: readonly string[], attributes: AttributeWriter): void {
  attributes.nest(type, (nest) => {
    nest.flag(ETHTOOL_A_BITSET_NOMASK);
    writeNames(names, nest, () => {});
  });
}

function writeNames(
  names: readonly string[],
  nest: AttributeWriter,
  writeMore: (name: string, bit: AttributeWriter) => void,
): void {
  nest.nest(ETHTOOL_A_BITSET_BITS, (list) => {
    for (const name of names) {
      list.nest(ETHTOOL_A_BITSET_BITS_BIT, (bit) => {
        bit.string(ETHTOOL_A_BITSET_BIT_NAME, name);
        writeMore(name, bit);
      });
    }
  });
}

function nameOfBit(bit: AttributeReader): string | undefined {
  const name = bit.string(ETHTOOL_A_BITSET_BIT_NAME);
  // The kernel keeps numbers of features that are gone, and gives them an empty name.
  if (name !== undefined && name !== "") return name;
  const index = bit.u32(ETHTOOL_A_BITSET_BIT_INDEX);
  return index === undefined ? undefined : `bit ${index}`;
}

/** Bit maps are rows of 32-bit words in host order, so that on little-endian machines bytes follow one another. */
function bitsIn(map: Uint8Array): number[] {
  return Array.from({ length: map.length * 8 }, (_, bit) => bit).filter((bit) => isIn(map, bit));
}

function isIn(map: Uint8Array, bit: number): boolean {
  return (((map[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
}
