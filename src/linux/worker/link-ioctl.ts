import { EAGAIN, EINTR, ENOBUFS } from "../errno.ts";
import * as ffi from "../ffi.ts";
import { MESSAGE_HEADER_SIZE } from "../netlink/message.ts";
import { NETLINK_ROUTE, openEventSocket, systemError } from "../netlink/socket.ts";

/** include/uapi/linux/sockios.h. */
const SIOCGIFNAME = 0x8910;

/** struct ifreq (include/uapi/linux/if.h): a name, then a union that holds a number or a pointer. */
const IFREQ_SIZE = 40;
const UNION_OFFSET = 16;
/** Bytes of a link's name with its closing zero. */
export const IFNAMSIZ = 16;

/** include/uapi/linux/rtnetlink.h. */
const RTNLGRP_LINK = 1;

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;

/**
 * The name behind an index may change between two calls. That is likely while others rename, because the ioctl waits
 * for RTNL, which they hold; more often in a row than this nobody renames one link.
 */
const MOST_ATTEMPTS = 100;

/** An ioctl that hands a structure to the driver of a link. */
export interface LinkIoctl {
  /** The ioctl's number. */
  readonly code: number;
  /** Index or name. */
  readonly link: number | string;
  /** The structure as the kernel gets it; what is there afterwards is the answer. */
  readonly structure: Uint8Array;
  /** Bytes the kernel may write behind the structure, which nobody looks at. */
  readonly spare: number;
}

/** What the kernel made of it. */
export interface IoctlAnswer {
  /** 0, or the error number: EAGAIN when the link was given another name again and again. */
  readonly errno: number;
  readonly structure: Uint8Array;
}

/**
 * Does an ioctl about a link, in the calling thread's network namespace. An ioctl knows links by name only. A link
 * given by its index is looked up, and what the kernel announces of it meanwhile is heard: when that was anything, the
 * name may have been another link's for a moment, so the answer is thrown away and the ioctl done again. While links
 * are renamed another one may be asked as well: only for what changes nothing.
 */
export function linkIoctl(request: LinkIoctl): IoctlAnswer {
  const { link } = request;
  const socket = ffi.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw systemError("open a socket for an ioctl");
  const head = ffi.stableMemory(IFREQ_SIZE);
  try {
    if (typeof link === "number") return askByIndex(socket, head, { ...request, link });
    head.bytes.set(Buffer.from(link).subarray(0, IFNAMSIZ - 1));
    return ask(socket, head, request);
  } finally {
    head.free();
    ffi.close(socket);
  }
}

function askByIndex(
  socket: number,
  head: ffi.StableMemory,
  request: LinkIoctl & { link: number },
): IoctlAnswer {
  const changes = new LinkChanges(request.link);
  try {
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      changes.forget();
      viewOf(head).setInt32(UNION_OFFSET, request.link, true);
      if (ffi.ioctl(socket, SIOCGIFNAME, head.address) < 0) return refusal(ffi.lastErrno());
      const answer = ask(socket, head, request);
      if (!changes.forget()) return answer;
    }
    return refusal(EAGAIN);
  } finally {
    changes.close();
  }
}

/** @param head holds the link's name */
function ask(socket: number, head: ffi.StableMemory, { code, structure, spare }: LinkIoctl): IoctlAnswer {
  const data = ffi.stableMemory(structure.length + spare);
  try {
    data.bytes.set(structure);
    viewOf(head).setBigUint64(UNION_OFFSET, data.address, true);
    if (ffi.ioctl(socket, code, head.address) < 0) return refusal(ffi.lastErrno());
    return { errno: 0, structure: data.bytes.slice(0, structure.length) };
  } finally {
    data.free();
  }
}

function viewOf({ bytes }: ffi.StableMemory): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refusal(errno: number): IoctlAnswer {
  return { errno, structure: new Uint8Array() };
}

/**
 * Hears whether a link is announced, as it is when its name changes, before anybody else gets RTNL (dev_change_name,
 * net/core/dev.c).
 */
class LinkChanges {
  readonly #link: number;
  readonly #socket: number;
  readonly #buffer = new Uint8Array(16 * 1024);

  constructor(link: number) {
    this.#link = link;
    const receiveBuffer = 256 * 1024;
    this.#socket = openEventSocket({
      protocol: NETLINK_ROUTE,
      groups: [RTNLGRP_LINK],
      hearsAllNamespaces: false,
      receiveBuffer,
    });
  }

  /** Forgets what was announced, and says whether the link was among it, or may have been. */
  forget(): boolean {
    let isChanged = false;
    for (;;) {
      const size = ffi.recv(this.#socket, this.#buffer, this.#buffer.length, 0);
      if (size < 0) {
        const errno = ffi.lastErrno();
        if (errno === EAGAIN) return isChanged;
        if (errno === EINTR) continue;
        if (errno !== ENOBUFS) throw systemError("hear of a link's changes");
        isChanged = true;
        continue;
      }
      // The message's header, then a struct ifinfomsg, which has the index at its fourth byte; one message each.
      const index = new DataView(this.#buffer.buffer).getInt32(MESSAGE_HEADER_SIZE + 4, true);
      if (index === this.#link) isChanged = true;
    }
  }

  close(): void {
    ffi.close(this.#socket);
  }
}
