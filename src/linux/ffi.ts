import koffi from "koffi";

/**
 * Every call into libc, declared once. Calls are synchronous and run on the calling thread; all return -1
 * (or a negative length) on failure, with the reason in `lastErrno()`.
 *
 * `koffi.load(null)` reaches the libc this process already runs on, glibc or musl.
 */
const libc = koffi.load(null);

/** Error number of the last failed call on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** socket(2): the new descriptor. */
export const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  "int socket(int domain, int type, int protocol)",
);

/** bind(2). */
export const bind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  "int bind(int fd, const void *address, uint32_t length)",
);

/** getsockname(2): fills `address`; `length` holds the room before and the size after. */
export const getsockname: (fd: number, address: Uint8Array, length: Uint32Array) => number = libc.func(
  "int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)",
);

/** setsockopt(2). */
export const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: number,
) => number = libc.func("int setsockopt(int fd, int level, int option, const void *value, uint32_t length)");

/** getsockopt(2): fills `value`; `length` holds the room before and the size after. */
export const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: Uint32Array,
) => number = libc.func(
  "int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)",
);

/** send(2): bytes taken. */
export const send: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  "intptr_t send(int fd, const void *data, size_t length, int flags)",
);

/** connect(2). */
export const connect: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  "int connect(int fd, const void *address, uint32_t length)",
);

/** recv(2): bytes received, or with MSG_TRUNC the datagram's whole size. `data` is filled in place. */
export const recv: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  "intptr_t recv(int fd, void *data, size_t length, int flags)",
);

/** sendto(2): bytes taken. */
export const sendto: (
  fd: number,
  data: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  addressLength: number,
) => number = libc.func(
  "intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t addressLength)",
);

/**
 * recvfrom(2): bytes received, or with MSG_TRUNC the datagram's whole size. `data` and `address` are filled in
 * place.
 */
export const recvfrom: (
  fd: number,
  data: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  addressLength: Uint32Array,
) => number = libc.func(
  "intptr_t recvfrom(int fd, void *data, size_t length, int flags, void *address, void *addressLength)",
);

/** recvmsg(2) on a header laid out in stable memory (see `stableMemory`). */
export const recvmsg: (fd: number, header: bigint, flags: number) => number = libc.func(
  "intptr_t recvmsg(int fd, void *header, int flags)",
);

const ioctlOf = libc.func("int ioctl(int fd, unsigned long request, ...)");

/** ioctl(2) with the address of a structure laid out in stable memory (see `stableMemory`). */
export function ioctl(fd: number, request: number, argument: bigint): number {
  return ioctlOf(fd, request, "void *", argument);
}

/** setns(2): moves the calling thread only. */
export const setns: (fd: number, kind: number) => number = libc.func("int setns(int fd, int kind)");

/** unshare(2): for CLONE_NEWNET it moves the calling thread only. */
export const unshare: (flags: number) => number = libc.func("int unshare(int flags)");

/** dup2(2). */
export const dup2: (from: number, to: number) => number = libc.func("int dup2(int from, int to)");

/** socketpair(2). */
export const socketpair: (domain: number, type: number, protocol: number, pair: Int32Array) => number =
  libc.func("int socketpair(int domain, int type, int protocol, _Out_ int *pair)");

/** syscall(2), for calls libc has no name for; `pointer` is an address in stable memory (see `stableMemory`). */
export const syscall: (number: number, first: number, pointer: bigint, third: number) => number = libc.func(
  "long syscall(long number, long first, void *pointer, long third)",
);

/** close(2). */
export const close: (fd: number) => number = libc.func("int close(int fd)");

/** Memory that never moves, for structures that hold pointers. */
export interface StableMemory {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  free(): void;
}

/** Allocates `size` bytes that the kernel may keep a pointer to until `free()`. */
export function stableMemory(size: number): StableMemory {
  const pointer: unknown = koffi.alloc("uint8_t", size);
  const bytes = new Uint8Array(koffi.view(pointer, size));
  bytes.fill(0);
  return { address: koffi.address(pointer), bytes, free: () => koffi.free(pointer) };
}
