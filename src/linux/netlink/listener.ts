import { Socket, type SocketConstructorOpts } from "node:net";
import { LanyardError } from "../../model/errors.ts";
import { EAGAIN, EINTR, EMSGSIZE, ENOBUFS, ENOMEM, errnoName } from "../errno.ts";
import * as ffi from "../ffi.ts";
import { openEventSocket, systemError } from "./socket.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
const SOL_NETLINK = 270;
/** Ancillary data of NETLINK_LISTEN_ALL_NSID: the id of the namespace the message comes from. */
const NETLINK_LISTEN_ALL_NSID = 8;
/** In msg_flags: there was more of the datagram than room for it. */
const MSG_TRUNC = 0x20;
/** include/uapi/asm-generic/ioctls.h: the descriptor is closed in programs that are started. */
const FIOCLEX = 0x5451;

/** What one recvmsg(2) fills, on 64-bit Linux: struct msghdr, struct iovec, ancillary data, struct sockaddr_nl. */
const HEADER = { at: 0, size: 56 };
const IOVEC = { at: 56, size: 16 };
const CONTROL = { at: 72, size: 64 };
const SENDER = { at: 136, size: 16 };
const DATA = { at: 152, size: 64 * 1024 };

/**
 * Room for one announcement: the doorbell has to be there, not to be read. The kernel takes its own least value, and
 * always accepts one message into an empty buffer.
 */
const DOORBELL_BUFFER = 1;

/** Datagrams taken in one turn of the event loop: a few milliseconds' work, so that a burst keeps nobody else waiting. */
const MOST_PER_TURN = 256;

/** A look a little later, should an announcement have reached the doorbell before it reached the data socket. */
const LATE_DRAINS_MS = [1, 20];

/** One datagram of the kernel. */
export interface Announcement {
  readonly datagram: Uint8Array;
  /** Id of the namespace it comes from; undefined for the namespace the socket was opened in. */
  readonly namespaceId: number | undefined;
}

/** What is listened to, and who is told. */
export interface ListenerOptions {
  readonly protocol: number;
  /** Numbers of the multicast groups. */
  readonly groups: readonly number[];
  /** Also what happens in other namespaces that have an id here. Needs CAP_NET_BROADCAST. */
  readonly hearsAllNamespaces: boolean;
  /** Bytes the kernel may keep for us. */
  readonly receiveBuffer: number;
  onAnnouncement(announcement: Announcement): void;
  /**
   * The buffer was full, and announcements were lost. Told when all that were kept have been, because until then the
   * kernel drops others without a word (netlink_overrun, net/netlink/af_netlink.c).
   */
  onOverrun(): void;
}

/**
 * Listens to the kernel's announcements on the main thread, without polling and without a thread.
 *
 * libuv will not poll a netlink socket it did not make, so a paused `net.Socket` is made over one end of a
 * socket pair and a subscribed netlink socket is duplicated over its descriptor: the doorbell. What comes
 * through it is thrown away; a second, equally subscribed socket is then drained with recvmsg(2), because only
 * that gives the namespace id. The kernel delivers to the socket that subscribed last first (sk_add_bind_node,
 * net/netlink/af_netlink.c): the data socket, so that when the doorbell rings, or is too full to ring once more, the
 * data is there.
 */
export class NetlinkListener {
  readonly #options: ListenerOptions;
  #sockets: { readonly doorbell: Socket; readonly receiver: MessageReceiver };
  #lateDrains: NodeJS.Timeout[] = [];
  #nextTurn: NodeJS.Immediate | undefined;
  #isDraining = false;
  #isOverrun = false;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#sockets = this.#open();
  }

  /** Takes what has come already, at most what one turn takes. */
  catchUp(): void {
    this.#drain();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const timer of this.#lateDrains) clearTimeout(timer);
    clearImmediate(this.#nextTurn);
    this.#sockets.doorbell.destroy();
    this.#sockets.receiver.close();
  }

  #open() {
    const doorbell = this.#hangDoorbell();
    try {
      return { doorbell, receiver: new MessageReceiver(openEventSocket(this.#options)) };
    } catch (error) {
      doorbell.destroy();
      throw error;
    }
  }

  /** An error ends a stream, so that nothing would ring any more. What comes between the sockets is lost. */
  #reopen(): void {
    if (this.#isClosed) return;
    this.#sockets.receiver.close();
    this.#sockets = this.#open();
    this.#isOverrun = true;
    this.#drain();
  }

  #hangDoorbell(): Socket {
    const netlink = openEventSocket({
      ...this.#options,
      receiveBuffer: DOORBELL_BUFFER,
      // Its overruns mean nothing, and an error would end the stream.
      isSilentWhenFull: true,
    });
    const pair = new Int32Array(2);
    if (ffi.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
      const error = systemError("make a socket pair");
      ffi.close(netlink);
      throw error;
    }
    const [front, back] = pair as unknown as [number, number];
    ffi.close(back);
    // `manualStart` is not in the types: without it libuv would poll the socket pair, not what replaces it.
    const options: SocketConstructorOpts & { manualStart: true } = {
      fd: front,
      readable: true,
      writable: false,
      manualStart: true,
      onread: {
        buffer: Buffer.alloc(1),
        callback: () => {
          this.#drainNowAndLater();
          return true;
        },
      },
    };
    const doorbell = new Socket(options);
    // What dup2(2) makes is open in the programs that are started, too, and would hold this namespace.
    const isMoved = ffi.dup2(netlink, front) >= 0 && ffi.ioctl(front, FIOCLEX, 0n) >= 0;
    const failure = isMoved ? undefined : systemError("put the netlink socket in the doorbell's place");
    ffi.close(netlink);
    if (failure !== undefined) {
      doorbell.destroy();
      throw failure;
    }
    doorbell.on("error", () => this.#reopen());
    doorbell.unref();
    doorbell.resume();
    return doorbell;
  }

  #drainNowAndLater(): void {
    this.#drainInTurn();
    for (const timer of this.#lateDrains) clearTimeout(timer);
    this.#lateDrains = LATE_DRAINS_MS.map((delay) => setTimeout(() => this.#drainInTurn(), delay).unref());
  }

  /** The doorbell may ring many times in one turn. */
  #drainInTurn(): void {
    if (this.#nextTurn === undefined) this.#drain();
  }

  #drain(): void {
    // A listener that asks to catch up hears the rest in its order.
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      if (this.#takeSome()) return;
    } finally {
      this.#isDraining = false;
    }
    this.#nextTurn ??= setImmediate(() => {
      this.#nextTurn = undefined;
      this.#drain();
    });
  }

  /** True when nothing is left for another turn. */
  #takeSome(): boolean {
    for (let taken = 0; taken < MOST_PER_TURN; taken++) {
      if (this.#isClosed) return true;
      const received = this.#sockets.receiver.receive();
      if (received === "empty") {
        const wasOverrun = this.#isOverrun;
        this.#isOverrun = false;
        if (wasOverrun) this.#options.onOverrun();
        return true;
      }
      if (received === "overrun") this.#isOverrun = true;
      else if (received !== "foreign") this.#options.onAnnouncement(received);
    }
    return false;
  }
}

/** recvmsg(2) with a header laid out once in memory that does not move. */
class MessageReceiver {
  readonly #fd: number;
  readonly #memory: ffi.StableMemory;
  readonly #view: DataView;

  constructor(fd: number) {
    this.#fd = fd;
    this.#memory = ffi.stableMemory(DATA.at + DATA.size);
    this.#view = new DataView(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset);
    const address = ({ at }: { at: number }) => this.#memory.address + BigInt(at);
    this.#view.setBigUint64(HEADER.at, address(SENDER), true); // msg_name
    this.#view.setBigUint64(HEADER.at + 16, address(IOVEC), true); // msg_iov
    this.#view.setBigUint64(HEADER.at + 24, 1n, true); // msg_iovlen
    this.#view.setBigUint64(HEADER.at + 32, address(CONTROL), true); // msg_control
    this.#view.setBigUint64(IOVEC.at, address(DATA), true);
    this.#view.setBigUint64(IOVEC.at + 8, BigInt(DATA.size), true);
  }

  /** The next datagram (copied), or that there is none, that some were lost, or that it is not the kernel's. */
  receive(): Announcement | "empty" | "overrun" | "foreign" {
    for (;;) {
      // Both lengths are rewritten by each call.
      this.#view.setUint32(HEADER.at + 8, SENDER.size, true); // msg_namelen
      this.#view.setUint32(HEADER.at + 40, CONTROL.size, true); // msg_controllen
      const size = ffi.recvmsg(this.#fd, this.#memory.address, 0);
      if (size >= 0) {
        const senderPort = this.#view.getUint32(SENDER.at + 4, true);
        if (senderPort !== 0) return "foreign";
        const flags = this.#view.getInt32(HEADER.at + 48, true); // msg_flags
        if ((flags & MSG_TRUNC) !== 0) return "overrun";
        const datagram = this.#memory.bytes.slice(DATA.at, DATA.at + size);
        return { datagram, namespaceId: this.#namespaceId() };
      }
      const errno = ffi.lastErrno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN) return "empty";
      // The others when an announcement could not be made (rtnl_set_sk_err, net/core/rtnetlink.c).
      if (errno === ENOBUFS || errno === ENOMEM || errno === EMSGSIZE) return "overrun";
      throw new LanyardError("kernel", `receive the kernel's announcements: ${errnoName(errno)}`);
    }
  }

  close(): void {
    ffi.close(this.#fd);
    this.#memory.free();
  }

  /** struct cmsghdr: length (8), level (4), type (4), then the id as an int. */
  #namespaceId(): number | undefined {
    const length = this.#view.getUint32(HEADER.at + 40, true);
    if (length < 20) return undefined;
    if (this.#view.getInt32(CONTROL.at + 8, true) !== SOL_NETLINK) return undefined;
    if (this.#view.getInt32(CONTROL.at + 12, true) !== NETLINK_LISTEN_ALL_NSID) return undefined;
    return this.#view.getInt32(CONTROL.at + 16, true);
  }
}
