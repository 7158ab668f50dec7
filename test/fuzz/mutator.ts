import type { Random } from "./random.ts";

/** No input is longer, in bytes: a datagram of netlink hardly is. */
export const LONGEST_INPUT = 65_536;

/** Values at which codecs go wrong: none, one, less than an attribute's header, a header alone, signs and ends. */
const BYTES = [0, 1, 3, 4, 0x7f, 0x80, 0xff];
const WORDS = [0, 1, 3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];
const LENGTHS = [0, 1, 3, 4, 5, 8, 0x7fff, 0x8000, 0xfffc, 0xffff];

const HEADER_SIZE = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER, include/uapi/linux/netlink.h. */
const TYPE_FLAGS = [0x8000, 0x4000];
/** In the first bytes stands how the others are to be read, so that they are changed more often. */
const FIXED_HEADER = 20;
/** How many places are looked at for one where an attribute may begin. */
const ATTEMPTS = 64;
/** Longest range that is put in, taken out or doubled, in bytes. */
const LONGEST_RANGE = 256;
/** Of so many inputs, one is a captured message as it came. */
const UNCHANGED = 64;

/** Bytes in the making, in a buffer with room for LONGEST_INPUT bytes. */
interface Draft {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
  readonly random: Random;
  /** What pieces are taken from. */
  readonly pool: readonly Uint8Array[];
}

/**
 * Changes a captured message in one to eight places, and gives it in bytes of its own.
 *
 * @param pool messages that pieces of are put in
 */
export function mutate(seed: Uint8Array, pool: readonly Uint8Array[], random: Random): Uint8Array {
  const length = Math.min(seed.length, LONGEST_INPUT);
  const draft: Draft = { bytes: scratch, view: scratchView, length, random, pool };
  scratch.set(seed.subarray(0, length));
  if (random.below(UNCHANGED) !== 0) {
    let left = 1;
    while (left < 8 && random.below(2) === 0) left++;
    for (; left > 0; left--) random.pick(CHANGES)(draft);
  }
  return scratch.slice(0, draft.length);
}

/** One for the whole thread: an input is done with before the next is made. */
const scratch = new Uint8Array(LONGEST_INPUT);
const scratchView = new DataView(scratch.buffer);

/** What happens to an input; attributes, which decide how a decoder goes on, come twice. */
const CHANGES: readonly ((draft: Draft) => void)[] = [
  flipBit,
  putByte,
  putWord,
  truncate,
  extend,
  setAttributeLength,
  setAttributeLength,
  setAttributeType,
  setAttributeType,
  wrap,
  splice,
  duplicate,
  remove,
];

function flipBit({ bytes, length, random }: Draft): void {
  if (length === 0) return;
  const at = random.below(length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
}

function putByte({ bytes, length, random }: Draft): void {
  if (length === 0) return;
  const end = random.below(3) === 0 ? Math.min(length, FIXED_HEADER) : length;
  bytes[random.below(end)] = random.below(4) === 0 ? random.below(256) : random.pick(BYTES);
}

function putWord({ view, length, random }: Draft): void {
  if (length < 4) return;
  const at = random.below(length - 3);
  const value = random.pick(WORDS);
  view.setUint32(random.below(4) === 0 ? at : at & ~3, value, true);
}

function truncate(draft: Draft): void {
  // Mostly near the end, where the last attribute is cut.
  const cut = draft.random.below(2) === 0 ? draft.random.below(16) : draft.random.below(draft.length + 1);
  draft.length = Math.max(0, draft.length - cut);
}

function extend(draft: Draft): void {
  const { random } = draft;
  const size = 1 + random.below(random.below(64) === 0 ? LONGEST_INPUT : LONGEST_RANGE);
  const start = draft.length;
  const end = Math.min(LONGEST_INPUT, start + size);
  draft.bytes.fill(random.pick(BYTES), start, end);
  draft.length = end;
}

function setAttributeLength({ view, length, random, ...draft }: Draft): void {
  const at = findAttribute({ ...draft, view, length, random });
  if (at === undefined) return;
  const old = view.getUint16(at, true);
  const lengths = [old - 4, old - 1, old + 1, old + 4, length - at, length - at + 1, random.pick(LENGTHS)];
  view.setUint16(at, random.pick(lengths) & 0xffff, true);
}

function setAttributeType(draft: Draft): void {
  const at = findAttribute(draft);
  if (at === undefined) return;
  const { view, random } = draft;
  const old = view.getUint16(at + 2, true);
  const other = findAttribute(draft) ?? at;
  const types = [0, old - 1, old + 1, old ^ random.pick(TYPE_FLAGS), random.below(256), 0x3fff];
  const type = random.below(3) === 0 ? view.getUint16(other + 2, true) : random.pick(types);
  view.setUint16(at + 2, type & 0xffff, true);
}

/** Puts an attribute's header around an attribute, so that nests become deeper. */
function wrap(draft: Draft): void {
  const at = findAttribute(draft);
  if (at === undefined || draft.length + HEADER_SIZE > LONGEST_INPUT) return;
  const size = draft.view.getUint16(at, true);
  const type = draft.view.getUint16(at + 2, true);
  insert(draft, at, draft.bytes.slice(at, at + HEADER_SIZE));
  draft.view.setUint16(at, Math.min(size + HEADER_SIZE, 0xffff), true);
  draft.view.setUint16(at + 2, draft.random.below(2) === 0 ? type : draft.random.below(64), true);
}

/** Puts a piece of another message in, at times in place of what stands there. */
function splice(draft: Draft): void {
  const { random } = draft;
  const other = random.pick(draft.pool);
  if (other.length === 0) return;
  const start = random.below(other.length) & ~3;
  const whole = random.below(4) === 0 ? other.length : 4 + (random.below(LONGEST_RANGE) & ~3);
  const piece = other.subarray(start, Math.min(other.length, start + whole));
  const at = Math.min(draft.length, random.below(draft.length + 1) & ~3);
  if (random.below(2) === 0) insert(draft, at, piece);
  else {
    const end = Math.min(LONGEST_INPUT, at + piece.length);
    draft.bytes.set(piece.subarray(0, end - at), at);
    draft.length = Math.max(draft.length, end);
  }
}

function duplicate(draft: Draft): void {
  const { start, end } = pickRange(draft);
  const copies = draft.random.below(16) === 0 ? 1 + draft.random.below(64) : 1;
  const range = draft.bytes.slice(start, end);
  for (let copy = 0; copy < copies; copy++) insert(draft, end, range);
}

function remove(draft: Draft): void {
  const { start, end } = pickRange(draft);
  draft.bytes.copyWithin(start, end, draft.length);
  draft.length -= end - start;
}

/** An attribute, or any bytes. */
function pickRange(draft: Draft): { start: number; end: number } {
  const { random, length, view } = draft;
  const at = random.below(2) === 0 ? findAttribute(draft) : undefined;
  if (at !== undefined) return { start: at, end: at + view.getUint16(at, true) };
  const start = random.below(length + 1);
  return { start, end: Math.min(length, start + random.below(LONGEST_RANGE)) };
}

/** A place from which an attribute could go, seen by its length only. */
function findAttribute({ view, length, random }: Draft): number | undefined {
  if (length < HEADER_SIZE) return undefined;
  let at = random.below(length - HEADER_SIZE + 1) & ~3;
  for (let left = ATTEMPTS; left > 0 && at + HEADER_SIZE <= length; left--, at += 4) {
    const size = view.getUint16(at, true);
    if (size >= HEADER_SIZE && at + size <= length) return at;
  }
  return undefined;
}

function insert(draft: Draft, at: number, piece: Uint8Array): void {
  const size = Math.min(piece.length, LONGEST_INPUT - draft.length);
  draft.bytes.copyWithin(at + size, at, draft.length);
  draft.bytes.set(piece.subarray(0, size), at);
  draft.length += size;
}
