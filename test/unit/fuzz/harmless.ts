import type { Target } from "../../fuzz/target.ts";

/** A decoder that bears everything. */
export const targets: readonly Target[] = [
  { name: "harmless", seeds: [Uint8Array.of(1, 2, 3, 4)], feed: (bytes) => bytes.length },
];
