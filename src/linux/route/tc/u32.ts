import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readActions, type TcAction, writeActions } from "./action.ts";
import type { KindCodec } from "./kind.ts";

/** Attributes of the filter (include/uapi/linux/pkt_cls.h; net/sched/cls_u32.c). */
const TCA_U32_CLASSID = 1;
const TCA_U32_LINK = 3;
const TCA_U32_DIVISOR = 4;
const TCA_U32_SEL = 5;
const TCA_U32_POLICE = 6;
export const TCA_U32_ACT = 7;
const TCA_U32_INDEV = 8;
const TCA_U32_MARK = 10;
export const TCA_U32_FLAGS = 11;

const TC_U32_TERMINAL = 1;
/** struct tc_u32_sel up to its keys. */
const SEL_SIZE = 16;
/** struct tc_u32_key: mask, value (both network order), offset, offset mask. */
const KEY_SIZE = 16;
/** Their number has eight bits. */
const MOST_KEYS = 255;

/** What a `U32Filter` has no words for: another table to go on in, an old policer, the link of arrival, the mark. */
const UNSAYABLE = [TCA_U32_LINK, TCA_U32_POLICE, TCA_U32_INDEV, TCA_U32_MARK];

/** The handle of the first filter in the first table: `800::800`, the kernel's own choice when none is given. */
export const U32_FIRST_HANDLE = 0x80000800;

/** 32 bits of the packet that must have a value. */
export interface U32Key {
  /** Bytes from the network header; below 0, in what stands before it. */
  readonly offset: number;
  readonly value: number;
  /** Bits that are looked at. */
  readonly mask: number;
}

/** Matches packets by their bytes. */
export interface U32Filter<Link = number> {
  readonly kind: "u32";
  /** All must hold; none at all matches every packet. */
  readonly keys: readonly U32Key[];
  /** Handle of the class matching packets go to. */
  readonly classId?: number;
  readonly actions: readonly TcAction<Link>[];
}

export const u32: KindCodec<U32Filter> = {
  encode(options) {
    const attributes = new AttributeWriter();
    if (options.classId !== undefined)
      attributes.u32(TCA_U32_CLASSID, wholeNumber("classId of filter u32", options.classId));
    if (options.actions.length > 0) writeActions(attributes, TCA_U32_ACT, options.actions);
    return attributes.bytes(TCA_U32_SEL, encodeSelector(options.keys)).finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const selector = attributes.bytes(TCA_U32_SEL);
    const keys = selector && decodeSelector(selector);
    if (keys === undefined || UNSAYABLE.some((type) => attributes.has(type))) return undefined;
    const classId = attributes.u32(TCA_U32_CLASSID);
    const actions = readActions(attributes.bytes(TCA_U32_ACT));
    return { kind: "u32", keys, ...(classId !== undefined && { classId }), actions };
  },
};

/** True for the hash tables the kernel lists between the filters: they match nothing by themselves. */
export function isU32Table(payload: Uint8Array): boolean {
  return new AttributeReader(payload).has(TCA_U32_DIVISOR);
}

function encodeSelector(keys: readonly U32Key[]): Uint8Array {
  if (keys.length > MOST_KEYS)
    throw new InvalidValueError("keys of filter u32", `${keys.length} keys`, `at most ${MOST_KEYS} keys`);
  // A selector without keys is not what iproute2 sends: "everything" is one key that looks at no bit.
  const written = keys.length > 0 ? keys : [{ offset: 0, value: 0, mask: 0 }];
  const bytes = new Uint8Array(SEL_SIZE + written.length * KEY_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, TC_U32_TERMINAL);
  view.setUint8(2, written.length);
  for (const [index, key] of written.entries()) {
    const at = SEL_SIZE + index * KEY_SIZE;
    view.setUint32(at, wholeNumber("mask of a key of filter u32", key.mask), false);
    view.setUint32(at + 4, wholeNumber("value of a key of filter u32", key.value), false);
    view.setInt32(
      at + 8,
      wholeNumber("offset of a key of filter u32", key.offset, -0x80000000, 0x7fffffff),
      true,
    );
  }
  return bytes;
}

function decodeSelector(bytes: Uint8Array): readonly U32Key[] | undefined {
  if (bytes.length < SEL_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint8(2);
  // Flags that look for a header of another length, or go on with other filters after a match, are not told in keys.
  if (view.getUint8(0) !== TC_U32_TERMINAL || bytes.length < SEL_SIZE + count * KEY_SIZE) return undefined;
  const offsetMasks = Array.from({ length: count }, (_, index) =>
    view.getUint32(SEL_SIZE + index * KEY_SIZE + 12, true),
  );
  if (offsetMasks.some((mask) => mask !== 0)) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = SEL_SIZE + index * KEY_SIZE;
    return {
      offset: view.getInt32(at + 8, true),
      value: view.getUint32(at + 4, false),
      mask: view.getUint32(at, false),
    };
  }).filter(({ mask }) => mask !== 0);
}
