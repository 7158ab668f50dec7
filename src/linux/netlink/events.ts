import { Socket, type SocketConstructorOpts } from "node:net";
import { LanyardError } from "../../model/errors.ts";
import type { Unsubscribe } from "../../model/ports.ts";
import { EAGAIN, EINTR, ENOBUFS, errnoName } from "../errno.ts";
import * as ffi from "../ffi.ts";
import { readMessages } from "./message.ts";
import { NETLINK_ROUTE, openEventSocket, systemError } from "./socket.ts";

/** Multicast groups of NETLINK_ROUTE (enum rtnetlink_groups, include/uapi/linux/rtnetlink.h). */
const RTNLGRP_LINK = 1;
const RTNLGRP_NSID = 28;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const SOL_NETLINK = 270;
/** Ancillary data of NETLINK_LISTEN_ALL_NSID: the id of the namespace the message comes from. */
const NETLINK_LISTEN_ALL_NSID = 8;

/** Sizes of struct msghdr, struct iovec and the ancillary data, on 64-bit Linux. */
const MSGHDR_SIZE = 56;
const IOVEC_SIZE = 16;
const CONTROL_SIZE = 64;
const DATA_SIZE = 64 * 1024;

/** 5,000 link events fit into 8 MB while the main thread is busy; the default of 208 KB holds 92. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

/** The kernel rings the doorbell's socket before it has filled the data socket: look again a little later. */
const LATE_DRAINS_MS = [1, 20];

/** One announcement of the kernel, not decoded. */
export interface KernelEvent {
  readonly type: number;
  readonly payload: Uint8Array;
  /** Id of the namespace it comes from; undefined for the namespace the hub was opened in. */
  readonly namespaceId: number | undefined;
}

export interface EventListener {
  onEvent(event: KernelEvent): void;
  /** Announcements were lost: what is known must be read again. */
  onOverrun(): void;
}

/**
 * The one ear of the agent: link and namespace-id announcements of the namespace it was opened in and of
 * every namespace that has an id there, without pinning any. Runs on the main thread.
 *
 * libuv will not poll a netlink socket it did not make, so a paused `net.Socket` is made over one end of a
 * socket pair and a subscribed netlink socket is duplicated over its descriptor: the doorbell. What comes
 * through it is thrown away; a second, equally subscribed socket is then drained with recvmsg(2), because only
 * that gives the namespace id.
 */
export class EventHub {
  readonly #listeners = new Set<EventListener>();
  readonly #receiver: MessageReceiver;
  #doorbell: Socket;
  #lateDrains: NodeJS.Timeout[] = [];
  #isClosed = false;
  #overruns = 0;

  constructor(receiveBuffer = RECEIVE_BUFFER) {
    this.#doorbell = this.#hangDoorbell(receiveBuffer);
    // The data socket is subscribed last, so that the doorbell never misses what it holds.
    this.#receiver = new MessageReceiver(openEventSocket(eventSocketOptions(receiveBuffer)));
  }

  /** How often announcements were lost because the receive buffer was full. */
  get overruns(): number {
    return this.#overruns;
  }

  listen(listener: EventListener): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const timer of this.#lateDrains) clearTimeout(timer);
    this.#doorbell.destroy();
    this.#receiver.close();
    this.#listeners.clear();
  }

  #hangDoorbell(receiveBuffer: number): Socket {
    const pair = new Int32Array(2);
    if (ffi.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
      throw systemError("make a socket pair");
    const [front, back] = pair as unknown as [number, number];
    ffi.close(back);
    // `manualStart` is not in the types: without it libuv would poll the socket pair, not what replaces it.
    const options: SocketConstructorOpts & { manualStart: true } = {
      fd: front,
      readable: true,
      writable: false,
      manualStart: true,
      onread: {
        buffer: Buffer.alloc(DATA_SIZE),
        callback: () => {
          this.#drainNowAndLater();
          return true;
        },
      },
    };
    const doorbell = new Socket(options);
    const netlink = openEventSocket(eventSocketOptions(receiveBuffer));
    const moved = ffi.dup2(netlink, front);
    ffi.close(netlink);
    if (moved < 0) throw systemError("put the netlink socket in the doorbell's place");
    doorbell.on("error", () => this.#rehang(receiveBuffer));
    doorbell.unref();
    doorbell.resume();
    return doorbell;
  }

  /** The doorbell itself overran (ENOBUFS ends its stream): hang a new one and look at the data socket. */
  #rehang(receiveBuffer: number): void {
    this.#doorbell.destroy();
    if (this.#isClosed) return;
    this.#doorbell = this.#hangDoorbell(receiveBuffer);
    this.#drainNowAndLater();
  }

  #drainNowAndLater(): void {
    this.#drain();
    for (const timer of this.#lateDrains) clearTimeout(timer);
    this.#lateDrains = LATE_DRAINS_MS.map((delay) => setTimeout(() => this.#drain(), delay).unref());
  }

  #drain(): void {
    while (!this.#isClosed) {
      const received = this.#receiver.receive();
      if (received === "empty") return;
      if (received === "overrun") {
        this.#overruns += 1;
        for (const listener of [...this.#listeners]) listener.onOverrun();
        continue;
      }
      for (const message of readMessages(received.datagram)) {
        const event = { type: message.type, payload: message.payload, namespaceId: received.namespaceId };
        for (const listener of [...this.#listeners]) listener.onEvent(event);
      }
    }
  }
}

function eventSocketOptions(receiveBuffer: number) {
  return { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK, RTNLGRP_NSID], receiveBuffer };
}

/** recvmsg(2) with a header laid out once in memory that does not move. */
class MessageReceiver {
  readonly #fd: number;
  readonly #memory: ffi.StableMemory;
  readonly #view: DataView;

  constructor(fd: number) {
    this.#fd = fd;
    this.#memory = ffi.stableMemory(MSGHDR_SIZE + IOVEC_SIZE + CONTROL_SIZE + DATA_SIZE);
    this.#view = new DataView(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset);
    const base = this.#memory.address;
    const iovec = base + BigInt(MSGHDR_SIZE);
    this.#view.setBigUint64(16, iovec, true); // msg_iov
    this.#view.setBigUint64(24, 1n, true); // msg_iovlen
    this.#view.setBigUint64(32, iovec + BigInt(IOVEC_SIZE), true); // msg_control
    this.#view.setBigUint64(MSGHDR_SIZE, base + BigInt(MSGHDR_SIZE + IOVEC_SIZE + CONTROL_SIZE), true);
    this.#view.setBigUint64(MSGHDR_SIZE + 8, BigInt(DATA_SIZE), true);
  }

  /** The next datagram (copied), or that there is none, or that some were lost. */
  receive(): { datagram: Uint8Array; namespaceId: number | undefined } | "empty" | "overrun" {
    for (;;) {
      this.#view.setBigUint64(40, BigInt(CONTROL_SIZE), true); // msg_controllen is rewritten by each call
      const size = ffi.recvmsg(this.#fd, this.#memory.address, MSG_DONTWAIT);
      if (size >= 0) {
        const start = MSGHDR_SIZE + IOVEC_SIZE + CONTROL_SIZE;
        return { datagram: this.#memory.bytes.slice(start, start + size), namespaceId: this.#namespaceId() };
      }
      const errno = ffi.lastErrno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN) return "empty";
      if (errno === ENOBUFS) return "overrun";
      throw new LanyardError("kernel", `receive kernel events: ${errnoName(errno)}`);
    }
  }

  close(): void {
    ffi.close(this.#fd);
    this.#memory.free();
  }

  /** struct cmsghdr: length (8), level (4), type (4), then the id as an int. */
  #namespaceId(): number | undefined {
    const length = this.#view.getBigUint64(40, true);
    const at = MSGHDR_SIZE + IOVEC_SIZE;
    if (length < 20n) return undefined;
    if (this.#view.getInt32(at + 8, true) !== SOL_NETLINK) return undefined;
    if (this.#view.getInt32(at + 12, true) !== NETLINK_LISTEN_ALL_NSID) return undefined;
    return this.#view.getInt32(at + 16, true);
  }
}
