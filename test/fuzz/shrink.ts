/** How often a shorter input is tried, at most. */
const MOST_TRIES = 2000;

/** Takes away what is not needed for the decoder to throw: first halves, then smaller pieces, then single bytes. */
export function shrink(bytes: Uint8Array, feed: (bytes: Uint8Array) => unknown): Uint8Array {
  let smallest = bytes;
  let tries = 0;
  for (let size = bytes.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= smallest.length && tries < MOST_TRIES; tries++) {
      const shorter = Uint8Array.from([...smallest.subarray(0, at), ...smallest.subarray(at + size)]);
      if (throws(shorter, feed)) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}

function throws(bytes: Uint8Array, feed: (bytes: Uint8Array) => unknown): boolean {
  try {
    feed(bytes);
    return false;
  } catch {
    return true;
  }
}
