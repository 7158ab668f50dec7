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

/**
 * Writes a number of 32 bits, with or without a sign. Byte by byte, because a DataView needs memory of its own, which a
 * small array has not, and making it costs ten times as much as the whole message.
 */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Reads one, for where few are read. */
export function takeUint32(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 3] as number) * 0x100_0000;
  return (
    ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)) + high
  );
}

/** The same for a number of 16 bits. */
export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}
