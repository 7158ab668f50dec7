import type { Target } from "../../fuzz/target.ts";

/** A decoder that throws when a byte is 0xff, and cannot be without its first four. */
export const targets: readonly Target[] = [
  {
    name: "throwing",
    seeds: [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    feed: (bytes) => {
      if (bytes.length >= 4 && bytes.includes(0xff)) throw new RangeError("planted");
    },
  },
];
