import { closeSync, constants, openSync, writeSync } from "node:fs";
import { NotFoundError } from "../model/errors.ts";
import { EINVAL } from "./errno.ts";
import * as ffi from "./ffi.ts";
import { systemError } from "./netlink/socket.ts";

/** include/uapi/linux/sched.h. */
const CLONE_NEWNET = 0x40000000;

/**
 * The network namespace of the calling thread, and the way back to it. A thread leaves it only inside one synchronous
 * section, and one that cannot come back must not go on: it ends the process.
 */
export class ThreadNamespace {
  readonly #home = openSync("/proc/thread-self/ns/net", constants.O_RDONLY);

  /**
   * Does something in another namespace, which is open at `fd`. Throws NotFoundError when that is none, LanyardError when
   * it cannot be entered.
   */
  inside<T>(fd: number, section: () => T): T {
    if (ffi.setns(fd, CLONE_NEWNET) < 0) {
      // What `ip netns add` mounts a namespace over, and what is left when that mount goes, is an ordinary file.
      if (ffi.lastErrno() === EINVAL) throw new NotFoundError("this is no network namespace, or one no more");
      throw systemError("enter the network namespace");
    }
    try {
      return section();
    } finally {
      this.#return();
    }
  }

  /** Makes an empty namespace and gives its descriptor; it lives as long as that is open. */
  make(): number {
    if (ffi.unshare(CLONE_NEWNET) < 0) throw systemError("make a network namespace");
    try {
      return openSync("/proc/thread-self/ns/net", constants.O_RDONLY);
    } finally {
      this.#return();
    }
  }

  close(): void {
    closeSync(this.#home);
  }

  #return(): void {
    if (ffi.setns(this.#home, CLONE_NEWNET) < 0) {
      writeSync(2, "lanyard: a thread cannot return to its own network namespace; stopping\n");
      process.abort();
    }
  }
}
