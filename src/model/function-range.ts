import { InvalidValueError } from "./errors.ts";
import { readPciAddress } from "./pci.ts";
import type { FunctionRange } from "./pool-config.ts";

/** First and last number of each part of a range, both in it. */
type Numbers = readonly (readonly [first: number, last: number])[];

const PF_NAME = "the name of a PF, or some of its functions as eth0#0,2-7,9";
const ROOT_DEVICE = "the PCI address of a PF, or some of its functions as 0000:86:00.0#0,2-7,9";
const NUMBERS = "numbers and ranges from 0, first before last, such as 0,2-7,9";

/** What stands before the first `#` and behind it; nothing behind it where there is none. */
export function splitRange(written: string): { readonly pf: string; readonly range?: string } {
  const hash = written.indexOf("#");
  return hash < 0 ? { pf: written } : { pf: written.slice(0, hash), range: written.slice(hash + 1) };
}

/** Functions of a PF that is given by its name: `eth0`, `eth0#0,2-7,9`. Throws InvalidValueError. */
export function parsePfName(value: unknown, place: string): FunctionRange {
  const { pf, range } = splitRange(typeof value === "string" ? value : "");
  // Further names of a link may be longer than its name, up to 127 bytes (ALTIFNAMSIZ, include/uapi/linux/if.h).
  const isName = /^[^\s/]+$/.test(pf) && Buffer.byteLength(pf) < 128;
  if (!isName) throw new InvalidValueError(place, value, PF_NAME);
  return { pf, numbers: readRange(value, range, place, PF_NAME) };
}

/** Functions of a PF that is given by its PCI address: `0000:86:00.0#0-3`. Throws InvalidValueError. */
export function parseRootDevice(value: unknown, place: string): FunctionRange {
  if (typeof value !== "string") throw new InvalidValueError(place, value, ROOT_DEVICE);
  const { pf, range } = splitRange(value);
  const address = readPciAddress(pf);
  if (address === undefined) throw new InvalidValueError(place, value, ROOT_DEVICE);
  return { pf: address, numbers: readRange(value, range, place, ROOT_DEVICE) };
}

/** Numbers of functions, `0,2-7,9`; a single number may be one in the document too. Throws InvalidValueError. */
export function parseNumbers(value: unknown, place: string): Numbers {
  const numbers = readNumbers(typeof value === "number" ? String(value) : value);
  if (numbers === undefined) throw new InvalidValueError(place, value, NUMBERS);
  return numbers;
}

/** The highest number of a range that is not empty. */
export function lastNumber(numbers: Numbers): number {
  return Math.max(...numbers.map(([, last]) => last));
}

function readRange(
  value: unknown,
  range: string | undefined,
  place: string,
  expected: string,
): Numbers | undefined {
  if (range === undefined) return undefined;
  const numbers = readNumbers(range);
  if (numbers === undefined)
    throw new InvalidValueError(place, value, `${expected}; the part behind # is ${NUMBERS}`);
  return numbers;
}

function readNumbers(text: unknown): Numbers | undefined {
  if (typeof text !== "string") return undefined;
  const numbers = text.split(",").map((part): readonly [number, number] | undefined => {
    // Numbers of sub-functions have 32 bits; ten digits hold them all.
    const [, first, last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? [];
    const isRange = first !== undefined && Number(first) <= Number(last);
    return isRange ? [Number(first), Number(last)] : undefined;
  });
  return numbers.every((part) => part !== undefined) ? numbers : undefined;
}
