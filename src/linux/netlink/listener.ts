import { Socket, type SocketConstructorOpts } from "node:net";
import { LanyardError } from "../../model/errors.ts";
import { EAGAIN, EINTR, ENOBUFS, errnoName } from "../errno.ts";
import * as ffi from "../ffi.ts";
import { openEventSocket, systemError } from "./socket.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
const SOL_NETLINK = 270;
/** Ancillary data of NETLINK_LISTEN_ALL_NSID: the id of the namespace the message comes from. */
const NETLINK_LISTEN_ALL_NSID = 8;

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
  /** The buffer was full, and announcements were lost. */
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
  readonly #doorbell: Socket;
  readonly #receiver: MessageReceiver;
  #lateDrains: NodeJS.Timeout[] = [];
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#doorbell = this.#hangDoorbell();
    try {
      this.#receiver = new MessageReceiver(openEventSocket(options));
    } catch (error) {
      this.#doorbell.destroy();
      throw error;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const timer of this.#lateDrains) clearTimeout(timer);
    this.#doorbell.destroy();
    this.#receiver.close();
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
    const moved = ffi.dup2(netlink, front);
    const failure = moved < 0 ? systemError("put the netlink socket in the doorbell's place") : undefined;
    ffi.close(netlink);
    if (failure !== undefined) {
      doorbell.destroy();
      throw failure;
    }
    doorbell.unref();
    doorbell.resume();
    return doorbell;
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
      if (received === "overrun") this.#options.onOverrun();
      else if (received !== "foreign") this.#options.onAnnouncement(received);
    }
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
        const datagram = this.#memory.bytes.slice(DATA.at, DATA.at + size);
        return { datagram, namespaceId: this.#namespaceId() };
      }
      const errno = ffi.lastErrno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN) return "empty";
      if (errno === ENOBUFS) return "overrun";
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
