import { InvalidValueError } from "../../model/errors.ts";
import type { AttributeReader, AttributeWriter } from "../netlink/attribute.ts";
import { MAX_UINT32, wholeNumber } from "../whole-number.ts";
import { AF_INET, formatIp, formatMac, parseIp, parseMac } from "./ip.ts";
import { numberOfWord } from "./names.ts";
import { decodeVlanProtocol, encodeVlanProtocol, type VlanProtocol } from "./vlan-protocol.ts";

/** How one field of an object stands in an attribute, both ways. */
export interface Field<Value> {
  /** Writes the attribute. `place` names the field in errors. Throws InvalidValueError. */
  readonly write: (data: AttributeWriter, value: Value, place: string) => void;
  /** Undefined when the attribute is absent, too short, or holds what is not known here. */
  readonly read: (data: AttributeReader) => Value | undefined;
}

/** The fields of an object, but for the one that says which object it is. */
export type Fields<Spec> = {
  readonly [Name in Exclude<keyof Spec, "kind">]-?: Field<Exclude<Spec[Name], undefined>>;
};

/** Writes those fields that have a value, in the table's order. `whose` names the object in errors: `a bond`. */
export function writeFields<Spec extends object>(
  fields: Fields<Spec>,
  spec: Partial<Spec>,
  data: AttributeWriter,
  whose: string,
): void {
  const table = fields as Record<string, Field<unknown>>;
  for (const name in table) {
    const value = spec[name as keyof Spec];
    if (value !== undefined) table[name]?.write(data, value, `${name} of ${whose}`);
  }
}

/** Reads every field that is told; the others are left out. */
export function readFields<Spec extends object>(fields: Fields<Spec>, data: AttributeReader): Partial<Spec> {
  const table = fields as Record<string, Field<unknown>>;
  const read: Record<string, unknown> = {};
  for (const name in table) {
    const value = table[name]?.read(data);
    if (value !== undefined) read[name] = value;
  }
  return read as Partial<Spec>;
}

/** Widths of whole numbers, as writer and reader name them, each with the most it holds. */
const MOST = { u8: 0xff, u16: 0xffff, u32: MAX_UINT32, i32: 0x7fff_ffff } as const;

type Width = keyof typeof MOST;

/** A whole number; from 0 to what the width holds where nothing narrower is said. */
export function numberField(
  width: Width,
  type: number,
  least = 0,
  most: number = MOST[width],
): Field<number> {
  return {
    write: (data, value, place) => data[width](type, wholeNumber(place, value, least, most)),
    read: (data) => data[width](type),
  };
}

/** Yes or no as a number; `place` says what it is for. Throws InvalidValueError for anything else, such as a text. */
export function yesOrNo(place: string, value: boolean): 0 | 1 {
  if (typeof value !== "boolean") throw new InvalidValueError(place, value, "true or false");
  return value ? 1 : 0;
}

/** Yes or no, as a number. */
export function booleanField(width: Width, type: number): Field<boolean> {
  return {
    write: (data, value, place) => data[width](type, yesOrNo(place, value)),
    read: (data) => {
      const value = data[width](type);
      return value === undefined ? undefined : value !== 0;
    },
  };
}

/** One of several words, as a number. */
export function choiceField<const Name extends string>(
  width: Width,
  type: number,
  names: Readonly<Record<Name, number>>,
): Field<Name> {
  const byNumber = new Map(Object.entries<number>(names).map(([name, number]) => [number, name as Name]));
  return {
    write: (data, value, place) => data[width](type, numberOfWord(place, names, value)),
    read: (data) => byNumber.get(data[width](type) ?? -1),
  };
}

/** Several words at once, each a bit. What is written is the whole: a word that is not named is not meant. */
export function flagsField<const Name extends string>(
  width: Width,
  type: number,
  bits: Readonly<Record<Name, number>>,
): Field<readonly Name[]> {
  const names = Object.keys(bits) as Name[];
  return {
    write: (data, value, place) => {
      const unknown = value.find((name) => !Object.hasOwn(bits, name));
      if (unknown !== undefined) throw new InvalidValueError(place, unknown, `some of ${names.join(", ")}`);
      data[width](
        type,
        value.reduce((sum, name) => sum | bits[name], 0),
      );
    },
    read: (data) => {
      const value = data[width](type);
      return value === undefined ? undefined : names.filter((name) => (value & bits[name]) !== 0);
    },
  };
}

/** Milliseconds that the kernel counts in hundredths of a second (USER_HZ). */
export function hundredthsField(type: number): Field<number> {
  return {
    write: (data, value, place) => {
      const ticks = value / 10;
      if (!Number.isInteger(ticks) || ticks < 0 || ticks > MAX_UINT32)
        throw new InvalidValueError(place, value, "milliseconds, a whole number of hundredths of a second");
      data.u32(type, ticks);
    },
    read: (data) => {
      const ticks = data.u32(type);
      return ticks === undefined ? undefined : ticks * 10;
    },
  };
}

/** A MAC address. */
export function macField(type: number): Field<string> {
  return {
    write: (data, value, place) => data.bytes(type, parseMac(value, place)),
    read: (data) => {
      const bytes = data.bytes(type);
      return bytes?.length === 6 ? formatMac(bytes) : undefined;
    },
  };
}

/** IP addresses of one family in a nest, whose types count them. What is written is the whole list. */
export function ipListField(type: number, family: number, most: number): Field<readonly string[]> {
  const size = family === AF_INET ? 4 : 16;
  return {
    write: (data, value, place) => {
      if (value.length > most) throw new InvalidValueError(place, value, `at most ${most} addresses`);
      const addresses = value.map((text) => {
        const address = parseIp(text, place);
        if (address.family === family) return address.bytes;
        throw new InvalidValueError(place, text, `an IPv${family === AF_INET ? 4 : 6} address`);
      });
      data.nest(type, (list) => {
        for (const [position, address] of addresses.entries()) list.bytes(position, address);
      });
    },
    read: (data) =>
      data
        .nested(type)
        ?.entries()
        .filter(({ payload }) => payload.length === size)
        .map(({ payload }) => formatIp(payload)),
  };
}

/** The Ethernet type of a VLAN's tag. */
export function vlanProtocolField(type: number): Field<VlanProtocol> {
  return {
    write: (data, value, place) => data.u16be(type, encodeVlanProtocol(value, place)),
    read: (data) => decodeVlanProtocol(data.bytes(type)),
  };
}
