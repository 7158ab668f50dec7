import assert from "node:assert/strict";
import test from "node:test";
import { findDecoders, findExported } from "../../fuzz/decoders.ts";
import { LONGEST_INPUT, mutate } from "../../fuzz/mutator.ts";
import { Random } from "../../fuzz/random.ts";
import { makeInput } from "../../fuzz/target.ts";
import { targets } from "../../fuzz/targets.ts";

/** Three attributes: a number, a text, and a nest with a flag. */
const MESSAGE = Uint8Array.from(Buffer.from("0800010005000000070002006c6f00000800038004000100", "hex"));

const inputs = (count: number, seed = MESSAGE) =>
  Array.from({ length: count }, (_, number) => mutate(seed, [MESSAGE], new Random(7, number)));

test("the same seed and number give the same input, others another", () => {
  assert.deepEqual(inputs(200), inputs(200));
  const different = new Set(inputs(200).map((bytes) => Buffer.from(bytes).toString("hex")));
  assert.ok(different.size > 150, `${different.size} of 200 differ`);
  const [one, other] = [1, 2].map((seed) => makeInput(targets, seed, 5));
  assert.notDeepEqual(one, other);
});

test("the message it is made from stays as it was", () => {
  const seed = MESSAGE.slice();
  inputs(1000, seed);
  assert.deepEqual(seed, MESSAGE);
});

test("an input is no longer than the longest, also when it is made from more", () => {
  const long = new Uint8Array(LONGEST_INPUT + 100).fill(8);
  for (const bytes of inputs(300, long)) assert.ok(bytes.length <= LONGEST_INPUT);
});

test("among the inputs are such as came, cut, longer, with other bits, other lengths and other types", () => {
  const made = inputs(5000);
  const isPrefix = (bytes: Uint8Array) => Buffer.compare(bytes, MESSAGE.subarray(0, bytes.length)) === 0;
  const hasOnly = (changed: readonly number[]) => (bytes: Uint8Array) =>
    bytes.length === MESSAGE.length &&
    MESSAGE.some((byte, at) => bytes[at] !== byte) &&
    MESSAGE.every((byte, at) => bytes[at] === byte || changed.includes(at));
  const bitsBetween = (bytes: Uint8Array) =>
    MESSAGE.reduce(
      (sum, byte, at) => sum + ((byte ^ (bytes[at] as number)).toString(2).match(/1/g)?.length ?? 0),
      0,
    );
  const kinds: Record<string, (bytes: Uint8Array) => boolean> = {
    unchanged: (bytes) => bytes.length === MESSAGE.length && isPrefix(bytes),
    cut: (bytes) => bytes.length < MESSAGE.length && isPrefix(bytes),
    longer: (bytes) =>
      bytes.length > MESSAGE.length && Buffer.compare(bytes.subarray(0, MESSAGE.length), MESSAGE) === 0,
    "one bit": (bytes) => bytes.length === MESSAGE.length && bitsBetween(bytes) === 1,
    "another length": hasOnly([0, 1, 8, 9, 16, 17]),
    "another type": hasOnly([2, 3, 10, 11, 18, 19]),
    doubled: (bytes) =>
      Buffer.from(bytes).includes(Buffer.concat([MESSAGE.subarray(8, 16), MESSAGE.subarray(8, 16)])),
  };
  for (const [kind, is] of Object.entries(kinds)) assert.ok(made.some(is), `no input is ${kind}`);
});

test("no decoder throws on a few thousand inputs, all have something to be fed, and what they give is plain data", () => {
  for (const { name, seeds } of targets) assert.ok(seeds.length > 0, `${name} has no seeds`);
  for (let number = 0; number < 20_000; number++) {
    const { target, bytes } = makeInput(targets, 3, number);
    structuredClone(targets[target]?.feed(bytes));
  }
});

test("decoders are found by their names in the sources", () => {
  const source = `
export function decodeLink(payload: Uint8Array) {}
export async function readThing(bytes: Uint8Array) {}
export const decodeOther = (bytes: Uint8Array) => {};
export class AttributeReader {}
export function readBootId(root: string) {}
export function encodeLink() {}
export function readily() {}
function decodeInner() {}
`;
  assert.deepEqual(findExported(source), ["decodeLink", "readThing", "decodeOther", "AttributeReader"]);
  const known = findDecoders().map(({ file, name }) => `${file} ${name}`);
  assert.ok(known.includes("src/linux/route/link-decoder.ts decodeLink"));
  assert.ok(known.includes("src/linux/netlink/attribute.ts AttributeReader"));
});
