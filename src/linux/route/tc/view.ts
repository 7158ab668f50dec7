/** A structure's bytes as numbers; undefined when they are absent or fewer than `size`. */
export function viewOf(bytes: Uint8Array | undefined, size: number): DataView | undefined {
  if (bytes === undefined || bytes.length < size) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
