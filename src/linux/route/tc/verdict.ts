import { wholeNumber } from "../../whole-number.ts";
import { numberOfWord } from "../names.ts";

/** What becomes of a packet (include/uapi/linux/pkt_cls.h). */
const codes = {
  continue: -1, // TC_ACT_UNSPEC
  ok: 0, // TC_ACT_OK
  reclassify: 1, // TC_ACT_RECLASSIFY
  drop: 2, // TC_ACT_SHOT
  pipe: 3, // TC_ACT_PIPE
  stolen: 4, // TC_ACT_STOLEN
  trap: 8, // TC_ACT_TRAP
} as const;

/** The upper four bits say that the others are a chain's number. */
const TC_ACT_GOTO_CHAIN = 0x20000000;
const TC_ACT_EXT_VAL_MASK = 0x0fffffff;

/**
 * What becomes of a packet after an action: `ok` ends the filters and lets it go on, `drop` drops it, `pipe` goes on
 * to the next action, `continue` to the next filter, `reclassify` starts again with the first filter, `stolen` says
 * that the packet is gone from here, `trap` hands it from hardware to the kernel; or the filters of another chain
 * have their turn.
 */
export type Verdict = keyof typeof codes | { readonly chain: number };

/** The kernel's number of a verdict. Throws InvalidValueError, also for a chain that its 28 bits do not hold. */
export function encodeVerdict(verdict: Verdict): number {
  if (typeof verdict === "string") return numberOfWord("verdict of an action", codes, verdict);
  return TC_ACT_GOTO_CHAIN | wholeNumber("chain to go to", verdict.chain, 0, TC_ACT_EXT_VAL_MASK);
}

/** Reads a verdict; undefined for one this project does not use. */
export function decodeVerdict(code: number): Verdict | undefined {
  const known = (Object.keys(codes) as (keyof typeof codes)[]).find((name) => codes[name] === code);
  if (known !== undefined) return known;
  const isChain = (code & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN;
  return isChain ? { chain: code & TC_ACT_EXT_VAL_MASK } : undefined;
}
