/** A structure's bytes as numbers; undefined when they are absent or fewer than `size`. */
export function viewOf(bytes: Uint8Array | undefined, size: number): DataView | undefined {
  if (bytes === undefined || bytes.length < size) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Larger memory is not kept alive. */
const MOST_KEPT = 256 * 1024;

let lastMemory = new DataView(new ArrayBuffer(0));

/**
 * All the memory that `bytes` are a part of, which starts `bytes.byteOffset` before them. Making a view takes as long as
 * reading a small message, and the messages of one answer lie in one memory: so the view made last is kept, and with it
 * that memory, until another is looked at.
 */
export function memoryOf(bytes: Uint8Array): DataView {
  if (lastMemory.buffer === bytes.buffer) return lastMemory;
  const memory = new DataView(bytes.buffer as ArrayBuffer);
  if (memory.byteLength <= MOST_KEPT) lastMemory = memory;
  return memory;
}
