import type { Target } from "../../fuzz/target.ts";

/** A decoder that does not return when its first byte is 0xff. */
export const targets: readonly Target[] = [
  {
    name: "looping",
    seeds: [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    feed: (bytes) => {
      while (bytes[0] === 0xff) {
        // Nobody ends this but the run.
      }
    },
  },
];
