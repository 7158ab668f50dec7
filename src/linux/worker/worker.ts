import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { errorText, LanyardError, NotFoundError } from "../../model/errors.ts";
import { EINVAL, ENOBUFS, ETIME } from "../errno.ts";
import * as ffi from "../ffi.ts";
import { type Answer, exchange, type HandOver } from "../netlink/exchange.ts";
import { ReceiveBuffer } from "../netlink/receive-buffer.ts";
import { type DatagramSocket, openRequestSocket, systemError } from "../netlink/socket.ts";
import { callBpf } from "./bpf-call.ts";
import {
  type Job,
  type JobMessage,
  type JobPart,
  type JobReply,
  type JobResult,
  STOP,
  type Task,
} from "./jobs.ts";
import { linkIoctl } from "./link-ioctl.ts";
import { sendFrames } from "./send-frames.ts";

/**
 * The thread that waits for the kernel, so that the main thread never does. It ends by message: terminating
 * a thread inside a blocked call would hang the process.
 */

const CLONE_NEWNET = 0x40000000;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;

const ownNamespace = openSync("/proc/thread-self/ns/net", constants.O_RDONLY);
const buffer = new ReceiveBuffer();
let sequence = (Date.now() & 0x7fffffff) >>> 0;

/** Request sockets of one namespace, one for each protocol. */
class RequestSockets {
  readonly #sockets = new Map<number, DatagramSocket>();

  get(protocol: number): DatagramSocket {
    let socket = this.#sockets.get(protocol);
    if (socket === undefined) {
      socket = openRequestSocket(protocol);
      this.#sockets.set(protocol, socket);
    }
    return socket;
  }

  drop(protocol: number): void {
    this.#sockets.get(protocol)?.close();
    this.#sockets.delete(protocol);
  }

  close(): void {
    for (const protocol of [...this.#sockets.keys()]) this.drop(protocol);
  }
}

/** Sockets of the own namespace are kept; those of other namespaces would pin them, and live one visit long. */
const ownSockets = new RequestSockets();

const port = parentPort;
if (port === null) throw new Error("the netlink worker runs in a worker thread only");

port.on("message", (message: JobMessage | typeof STOP) => {
  if (message === STOP) {
    ownSockets.close();
    closeSync(ownNamespace);
    port.close();
    return;
  }
  const reply = perform(message);
  const pieces = reply.results.flatMap((result) => (result.did === "transact" ? result.answer.pieces : []));
  port.postMessage(reply, memoriesOf(pieces));
});

/** An answer that is larger than this goes with its memory: below, copying is cheaper. */
const LARGE = 16 * 1024;

/** The memory that pieces are handed over with. */
function memoriesOf(pieces: Answer["pieces"]): ArrayBuffer[] {
  return [...new Set(pieces.map(({ buffer }) => buffer))].filter(({ byteLength }) => byteLength > LARGE);
}

function perform({ tasks }: JobMessage): JobReply {
  const results: JobResult[] = [];
  try {
    for (const neighbours of groupByNamespace(tasks)) {
      const fd = neighbours[0]?.namespaceFd;
      const isDone =
        fd === undefined
          ? doTasks(neighbours, ownSockets, results)
          : inNamespace(fd, (sockets) => doTasks(neighbours, sockets, results));
      if (!isDone) break;
    }
    return { results };
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).errno;
    const failed = {
      code: error instanceof LanyardError ? error.code : ("kernel" as const),
      message: errorText(error),
      errno: errno === undefined ? undefined : Math.abs(errno),
    };
    return { results, failed };
  }
}

/** Tasks in their order, neighbours in one namespace together, so that it is entered once for them. */
function groupByNamespace(tasks: readonly Task[]): Task[][] {
  const groups: Task[][] = [];
  for (const task of tasks) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]?.namespaceFd === task.namespaceFd) last.push(task);
    else groups.push([task]);
  }
  return groups;
}

/** Adds each task's result to `results`; false when the kernel refused one, which ends the sequence. */
function doTasks(tasks: readonly Task[], sockets: RequestSockets, results: JobResult[]): boolean {
  for (const { job, tolerates = [] } of tasks) {
    const result = doJob(job, sockets, results.length);
    results.push(result);
    const errno = refusalOf(result);
    if (errno !== 0 && !tolerates.includes(errno)) return false;
  }
  return true;
}

/** The error number with which the kernel refused; 0 when it did not. */
function refusalOf(result: JobResult): number {
  if (result.did === "ioctl" || result.did === "sendFrames") return result.errno;
  return result.did === "transact" ? result.answer.errno : 0;
}

/** Runs `section` in another network namespace. A thread that cannot come back must not go on. */
function inNamespace<T>(fd: number, section: (sockets: RequestSockets) => T): T {
  if (ffi.setns(fd, CLONE_NEWNET) < 0) {
    // What `ip netns add` mounts a namespace over, and what is left when that mount goes, is an ordinary file.
    if (ffi.lastErrno() === EINVAL) throw new NotFoundError("this is no network namespace, or one no more");
    throw systemError("enter the network namespace");
  }
  const sockets = new RequestSockets();
  try {
    return section(sockets);
  } finally {
    sockets.close();
    returnHome();
  }
}

function returnHome(): void {
  if (ffi.setns(ownNamespace, CLONE_NEWNET) < 0) {
    writeSync(2, "lanyard: a worker cannot return to its own network namespace; stopping\n");
    process.abort();
  }
}

function doJob(job: Job, sockets: RequestSockets, position: number): JobResult {
  switch (job.do) {
    case "transact":
      return resultOf(transact(job, sockets, position));
    case "ioctl":
      return { did: "ioctl", ...linkIoctl(job) };
    case "bpf":
      return { did: "bpf", ...callBpf(job) };
    case "sendFrames":
      return { did: "sendFrames", errno: sendFrames(job) };
    case "writeFile":
      writeFileSync(job.path, job.text);
      return { did: "writeFile" };
    case "readFile":
      return { did: "readFile", text: readFileSync(job.path, "utf8") };
    case "readCookie":
      return { did: "readCookie", cookie: readCookie() };
    case "makeNamespace":
      return { did: "makeNamespace", fd: makeNamespace() };
  }
}

function transact(
  { protocol, request, canRepeat, inParts = false }: Extract<Job, { do: "transact" }>,
  sockets: RequestSockets,
  position: number,
) {
  sequence = (sequence + 16) >>> 0;
  const handOver: HandOver = (pieces, attempt) => {
    const part: JobPart = { part: { pieces, attempt }, position };
    port?.postMessage(part, memoriesOf(pieces));
  };
  const handingOver = inParts ? handOver : undefined;
  const answer = exchange(sockets.get(protocol), request, sequence, buffer, canRepeat, handingOver);
  // The answer may still come; a fresh socket never sees it.
  if (answer.errno === ETIME || answer.errno === ENOBUFS) sockets.drop(protocol);
  return takeOut(answer);
}

/** What most changes come to. One object for all, so that those of a sequence cross to the other thread as one. */
const DONE: JobResult = {
  did: "transact",
  answer: { errno: 0, ack: {}, pieces: [], isInterrupted: false, attempt: 1 },
};

function resultOf(answer: Answer): JobResult {
  const { errno, ack, pieces, isInterrupted } = answer;
  const isPlain = errno === 0 && pieces.length === 0 && !isInterrupted && Object.keys(ack).length === 0;
  return isPlain && answer.attempt === 1 ? DONE : { did: "transact", answer };
}

/** An answer that the next exchange does not write over: with its memory, or copied out of it. */
function takeOut(answer: Answer): Answer {
  const size = answer.pieces.reduce((sum, { length }) => sum + length, 0);
  if (size <= LARGE) return { ...answer, pieces: answer.pieces.map((piece) => piece.slice()) };
  buffer.release();
  return answer;
}

function readCookie(): bigint {
  const fd = ffi.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a socket to read the namespace's cookie");
  try {
    const value = new Uint8Array(8);
    if (ffi.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, new Uint32Array([8])) < 0) {
      throw systemError("read the namespace's cookie (SO_NETNS_COOKIE)");
    }
    return new DataView(value.buffer).getBigUint64(0, true);
  } finally {
    ffi.close(fd);
  }
}

function makeNamespace(): number {
  if (ffi.unshare(CLONE_NEWNET) < 0) throw systemError("make a network namespace");
  try {
    return openSync("/proc/thread-self/ns/net", constants.O_RDONLY);
  } finally {
    returnHome();
  }
}
