import { closeSync, openSync } from "node:fs";
import * as ffi from "../../src/linux/ffi.ts";
import type { Namespace } from "../../src/linux/namespace.ts";
import { decodeFrame, type EthernetFrame } from "../../src/linux/packet/ethernet.ts";

const CLONE_NEWNET = 0x40000000;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** struct sockaddr_ll. */
const ADDRESS_SIZE = 20;
const PATIENCE_SECONDS = 10;

/** What arrives at one link of a namespace from now on. Closed at the end: `using ear = new PacketEar(...)`. */
export class PacketEar implements Disposable {
  readonly #fd: number;

  /** `type` is what the frames carry, such as 0x0806. */
  constructor(namespace: Namespace, link: number, type: number) {
    const home = openSync("/proc/thread-self/ns/net", "r");
    try {
      if (ffi.setns(namespace.fd, CLONE_NEWNET) < 0)
        throw new Error(`setns: error number ${ffi.lastErrno()}`);
      this.#fd = ffi.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, swap(type));
      if (ffi.setns(home, CLONE_NEWNET) < 0) process.abort();
    } finally {
      closeSync(home);
    }
    const timeout = new Uint8Array(16);
    new DataView(timeout.buffer).setBigInt64(0, BigInt(PATIENCE_SECONDS), true);
    const address = new Uint8Array(ADDRESS_SIZE);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, type);
    view.setInt32(4, link, true);
    const isOpen =
      this.#fd >= 0 &&
      ffi.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length) === 0 &&
      ffi.bind(this.#fd, address, ADDRESS_SIZE) === 0;
    if (!isOpen) throw new Error(`a packet socket cannot be opened: error number ${ffi.lastErrno()}`);
  }

  /** The next frame from this MAC address; waits for it, and fails when none comes. */
  next(source: string): EthernetFrame {
    for (;;) {
      const buffer = new Uint8Array(2048);
      const size = ffi.recvfrom(
        this.#fd,
        buffer,
        buffer.length,
        0,
        new Uint8Array(ADDRESS_SIZE),
        Uint32Array.of(ADDRESS_SIZE),
      );
      if (size < 0) throw new Error(`no frame from ${source}: error number ${ffi.lastErrno()}`);
      const frame = decodeFrame(buffer.subarray(0, size));
      if (frame?.source === source) return frame;
    }
  }

  [Symbol.dispose](): void {
    ffi.close(this.#fd);
  }
}

/** Host order to network order. */
function swap(type: number): number {
  return ((type & 0xff) << 8) | (type >> 8);
}
