import * as ffi from "../../../src/linux/ffi.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_PRIORITY = 12;
const ECONNREFUSED = 111;
/** The discard port, where nobody listens. */
const DISCARD = 9;

/**
 * Sends `count` UDP packets to an IPv4 address; each is 1042 bytes on the link and has the priority of its socket,
 * which Node's own sockets do not know. The thread is in the other namespace while it opens the socket, and is back
 * before anything else runs on it.
 */
export function sendDatagrams(
  kernel: Kernel,
  from: Namespace,
  address: string,
  count: number,
  { port = DISCARD, priority = 0 } = {},
): void {
  must(ffi.setns(from.fd, CLONE_NEWNET));
  const fd = must(ffi.socket(AF_INET, SOCK_DGRAM, 0));
  must(ffi.setns(kernel.host.fd, CLONE_NEWNET));
  try {
    must(ffi.setsockopt(fd, SOL_SOCKET, SO_PRIORITY, new Uint8Array(Uint32Array.of(priority).buffer), 4));
    // struct sockaddr_in: family, port and address in network order, 8 bytes of padding.
    const destination = new Uint8Array(16);
    destination.set([AF_INET, 0, port >> 8, port & 0xff, ...address.split(".").map(Number)]);
    must(ffi.connect(fd, destination, destination.length));
    for (let sent = 0; sent < count; ) {
      if (ffi.send(fd, new Uint8Array(1000), 1000, 0) === 1000) sent++;
      // Nobody listens at the other end, which the kernel may say to the next send.
      else if (ffi.lastErrno() !== ECONNREFUSED) must(-1);
    }
  } finally {
    ffi.close(fd);
  }
}

function must(result: number): number {
  if (result < 0) throw new Error(`a call to send datagrams failed with error number ${ffi.lastErrno()}`);
  return result;
}
