import { LanyardError } from "../../model/errors.ts";
import * as ffi from "../ffi.ts";

/** Number of bpf(2) by architecture (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
const SYSCALL_NUMBERS: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** A call of bpf(2): a command, its attributes, and the memory the attributes point to. */
export interface BpfCall {
  readonly command: number;
  /** union bpf_attr, its pointers still 0. */
  readonly attributes: Uint8Array;
  readonly buffers: readonly BpfBuffer[];
}

/** Memory that a pointer leads to. The kernel may write to all of it and to nothing behind it. */
export interface BpfBuffer {
  /** Where the pointer stands: an offset in the attributes, or in the buffer `within`. */
  readonly at: number;
  /** Position of an earlier buffer. */
  readonly within?: number;
  readonly bytes: Uint8Array;
}

/** What came of a call. */
export interface BpfAnswer {
  /** 0, or the error number. */
  readonly errno: number;
  /** A new descriptor where the command opens one, otherwise 0. */
  readonly result: number;
  /** Attributes and buffers as the kernel left them. */
  readonly attributes: Uint8Array;
  readonly buffers: readonly Uint8Array[];
}

/** Calls bpf(2) on the calling thread, which waits: loading a program runs the kernel's verifier. */
export function callBpf({ command, attributes, buffers }: BpfCall): BpfAnswer {
  const number = SYSCALL_NUMBERS[process.arch];
  if (number === undefined)
    throw new LanyardError(
      "unsupported",
      `BPF programs are not loaded on ${process.arch}, only on x64 and arm64`,
    );
  const held = [attributes, ...buffers.map(({ bytes }) => bytes)].map(copyToStableMemory);
  const attr = held[0] as ffi.StableMemory;
  try {
    for (const [position, { at, within }] of buffers.entries()) {
      const place = held[within === undefined ? 0 : within + 1] as ffi.StableMemory;
      const view = new DataView(place.bytes.buffer, place.bytes.byteOffset, place.bytes.byteLength);
      view.setBigUint64(at, (held[position + 1] as ffi.StableMemory).address, true);
    }
    const result = ffi.syscall(number, command, attr.address, attributes.length);
    const errno = result < 0 ? ffi.lastErrno() : 0;
    const [after, ...written] = held.map(({ bytes }) => bytes.slice());
    return { errno, result: Math.max(0, result), attributes: after as Uint8Array, buffers: written };
  } finally {
    for (const memory of held) memory.free();
  }
}

function copyToStableMemory(bytes: Uint8Array): ffi.StableMemory {
  // Memory of no size has no address of its own.
  const memory = ffi.stableMemory(Math.max(1, bytes.length));
  memory.bytes.set(bytes);
  return memory;
}
