import { LanyardError, NotFoundError } from "../model/errors.ts";
import * as ffi from "./ffi.ts";
import { systemError } from "./netlink/socket.ts";
import { ThreadNamespace } from "./thread-namespace.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
/** include/uapi/asm-generic/socket.h, since Linux 5.14. */
const SO_NETNS_COOKIE = 71;

let thread: ThreadNamespace | undefined;

/**
 * The cookie of the namespace that is open at `fd`: no other of this boot has the same. Read on the calling thread: six calls
 * of which none waits for anybody, and a trip to another thread would take ten times as long. `name` is the namespace's, for
 * errors. Throws NotFoundError when it is no namespace any more, and LanyardError.
 */
export function namespaceCookie(fd: number, name: string): bigint {
  thread ??= new ThreadNamespace();
  try {
    return thread.inside(fd, readOwnCookie);
  } catch (error) {
    if (!(error instanceof LanyardError)) throw error;
    const text = `read the cookie of ${name}: ${error.message}`;
    throw error instanceof NotFoundError
      ? new NotFoundError(text, { cause: error })
      : new LanyardError(error.code, text, { cause: error });
  }
}

function readOwnCookie(): bigint {
  const fd = ffi.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a socket");
  try {
    const value = new Uint8Array(8);
    if (ffi.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, new Uint32Array([8])) < 0) {
      throw systemError("SO_NETNS_COOKIE");
    }
    return new DataView(value.buffer).getBigUint64(0, true);
  } finally {
    ffi.close(fd);
  }
}
