/** A structure's bytes as numbers; undefined when they are absent or fewer than `size`. */
export function viewOf(bytes: Uint8Array | undefined, size: number): DataView | undefined {
  if (bytes === undefined || bytes.length < size) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

let lastMemory = new DataView(new ArrayBuffer(0));

/**
 * All the memory that `bytes` are a part of, which starts `bytes.byteOffset` before them. Making a view takes as long as
 * reading a small message, and the messages of one answer lie in one memory: so the view made last is kept.
 */
export function memoryOf(bytes: Uint8Array): DataView {
  if (lastMemory.buffer !== bytes.buffer) lastMemory = new DataView(bytes.buffer as ArrayBuffer);
  return lastMemory;
}
