import { LanyardError } from "../../model/errors.ts";
import { EAGAIN, EPERM, errnoName } from "../errno.ts";
import * as ffi from "../ffi.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const SOCKADDR_NL_SIZE = 12;

/**
 * A netlink socket as the exchange needs it: small enough for a test to play the kernel (see `FakeSocket`).
 * Both calls give a negative error number when they fail.
 */
export interface DatagramSocket {
  readonly portId: number;
  send(message: Uint8Array): number;
  /** The datagram's whole size in bytes; larger than the buffer when it was cut. */
  receive(buffer: Uint8Array): number;
  close(): void;
}

/**
 * A request that was encoded in this thread is a small array on V8's heap, which has no address until somebody asks for
 * it, and giving it one costs more than ten copies: so requests up to this size are sent from memory that has one.
 */
const OUTGOING_SIZE = 512;

/** How long a call may wait for the kernel, in milliseconds. */
const CALL_TIMEOUT_MS = 5000;

/** Opens a request socket in the calling thread's network namespace, with strict checking and full errors. */
export function openRequestSocket(protocol: number): DatagramSocket {
  const fd = openSocket(protocol);
  setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, int(1));
  setOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, int(1));
  setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, int(1));
  setOption(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(CALL_TIMEOUT_MS));
  setOption(fd, SOL_SOCKET, SO_SNDTIMEO, timeval(CALL_TIMEOUT_MS));
  const portId = bindSocket(fd);
  connectToKernel(fd);
  const outgoing = new Uint8Array(new ArrayBuffer(OUTGOING_SIZE));
  return {
    portId,
    send: (message) => {
      const bytes = message.length <= OUTGOING_SIZE ? outgoing : message;
      if (bytes === outgoing) outgoing.set(message);
      return resultOf(ffi.send(fd, bytes, message.length, 0));
    },
    receive: (buffer) => resultOf(ffi.recv(fd, buffer, buffer.length, MSG_TRUNC)),
    close: () => ffi.close(fd),
  };
}

/**
 * A connected socket takes messages from its peer alone (netlink_getsockbyportid, net/netlink/af_netlink.c), here the
 * kernel, which is port 0: nobody can answer in its place. Closes the descriptor before it throws.
 */
function connectToKernel(fd: number): void {
  const kernel = new Uint8Array(SOCKADDR_NL_SIZE);
  new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
  if (ffi.connect(fd, kernel, SOCKADDR_NL_SIZE) < 0)
    throw closing(fd, "connect a netlink socket to the kernel");
}

/** Options of a socket that listens to the kernel's announcements. */
export interface EventSocketOptions {
  readonly protocol: number;
  readonly groups: readonly number[];
  /** Also what happens in namespaces that have an id here (NETLINK_LISTEN_ALL_NSID). */
  readonly hearsAllNamespaces: boolean;
  /** Receive buffer in bytes; the kernel holds twice as much. */
  readonly receiveBuffer: number;
  /** Loses announcements without an error when the buffer is full (NETLINK_NO_ENOBUFS). */
  readonly isSilentWhenFull?: boolean;
}

/**
 * Opens a socket subscribed to `groups` that never waits. Gives the bare descriptor. Throws LanyardError `unavailable` when this
 * process may not hear all namespaces.
 */
export function openEventSocket(options: EventSocketOptions): number {
  const fd = openSocket(options.protocol, SOCK_NONBLOCK);
  if (trySetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, int(options.receiveBuffer)) < 0) {
    setOption(fd, SOL_SOCKET, SO_RCVBUF, int(options.receiveBuffer));
  }
  if (options.isSilentWhenFull === true) setOption(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, int(1));
  if (options.hearsAllNamespaces) hearAllNamespaces(fd);
  bindSocket(fd);
  for (const group of options.groups) setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int(group));
  return fd;
}

/** Needs CAP_NET_BROADCAST. Closes the descriptor before it throws. */
function hearAllNamespaces(fd: number): void {
  if (trySetOption(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, int(1)) >= 0) return;
  const isForbidden = ffi.lastErrno() === EPERM;
  const error = closing(fd, "listen to the kernel's announcements from every network namespace");
  if (!isForbidden) throw error;
  throw new LanyardError(
    "unavailable",
    "the agent needs CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_NET_BROADCAST in this network namespace: run it as root",
    { cause: error },
  );
}

function openSocket(protocol: number, flags = 0): number {
  const fd = ffi.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);
  if (fd < 0) throw systemError("open a netlink socket");
  return fd;
}

/** Binds to a port id of the kernel's choice and reads it back. Closes the descriptor before it throws. */
function bindSocket(fd: number): number {
  const address = new Uint8Array(SOCKADDR_NL_SIZE);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  if (ffi.bind(fd, address, SOCKADDR_NL_SIZE) < 0) throw closing(fd, "bind a netlink socket");
  const length = new Uint32Array([SOCKADDR_NL_SIZE]);
  if (ffi.getsockname(fd, address, length) < 0) throw closing(fd, "read a netlink socket's port id");
  return view.getUint32(4, true);
}

/** Closes the descriptor before it throws. */
function setOption(fd: number, level: number, option: number, value: Uint8Array): void {
  if (trySetOption(fd, level, option, value) < 0) throw closing(fd, `set socket option ${level}/${option}`);
}

function trySetOption(fd: number, level: number, option: number, value: Uint8Array): number {
  return ffi.setsockopt(fd, level, option, value, value.length);
}

function closing(fd: number, operation: string): LanyardError {
  const error = systemError(operation);
  ffi.close(fd);
  return error;
}

/** The calling thread's last failed call as an error. */
export function systemError(operation: string): LanyardError {
  return new LanyardError("kernel", `${operation}: ${errnoName(ffi.lastErrno())}`);
}

/** What a call gave, or the negative error number. */
function resultOf(returned: number): number {
  if (returned >= 0) return returned;
  const errno = ffi.lastErrno();
  return -(errno === 0 ? EAGAIN : errno);
}

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

function timeval(milliseconds: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), true);
  view.setBigInt64(8, BigInt((milliseconds % 1000) * 1000), true);
  return bytes;
}
