import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import * as ffi from "../ffi.ts";
import { exchange, makeReceiveBuffer } from "./exchange.ts";
import { type Job, type JobMessage, type JobReply, type JobResult, STOP, type Task } from "./jobs.ts";
import { type DatagramSocket, openRequestSocket, systemError } from "./socket.ts";

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
const buffer = makeReceiveBuffer();
/** Sockets of the own namespace are kept; those of other namespaces would pin them and live one job long. */
const ownSockets = new Map<number, DatagramSocket>();
let sequence = (Date.now() & 0x7fffffff) >>> 0;

const port = parentPort;
if (port === null) throw new Error("the netlink worker runs in a worker thread only");

port.on("message", (message: JobMessage | typeof STOP) => {
  if (message === STOP) {
    for (const socket of ownSockets.values()) socket.close();
    closeSync(ownNamespace);
    port.close();
    return;
  }
  port.postMessage(perform(message));
});

function perform({ id, tasks }: JobMessage): JobReply {
  const results: JobResult[] = [];
  try {
    for (const task of tasks) {
      const result = doTask(task);
      results.push(result);
      if (isRefused(result, task)) break;
    }
    return { id, results };
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).errno;
    const message = error instanceof Error ? error.message : String(error);
    return { id, results, failed: { message, errno: errno === undefined ? undefined : Math.abs(errno) } };
  }
}

function doTask({ job, namespaceFd }: Task): JobResult {
  return namespaceFd === undefined ? doJob(job, true) : inNamespace(namespaceFd, () => doJob(job, false));
}

function isRefused(result: JobResult, { tolerates = [] }: Task): boolean {
  return result.did === "transact" && result.answer.errno !== 0 && !tolerates.includes(result.answer.errno);
}

/** Runs `section` in another network namespace. A thread that cannot come back must not go on. */
function inNamespace<T>(fd: number, section: () => T): T {
  if (ffi.setns(fd, CLONE_NEWNET) < 0) throw systemError("enter the network namespace");
  try {
    return section();
  } finally {
    returnHome();
  }
}

function returnHome(): void {
  if (ffi.setns(ownNamespace, CLONE_NEWNET) < 0) {
    writeSync(2, "lanyard: a worker cannot return to its own network namespace; stopping\n");
    process.abort();
  }
}

function doJob(job: Job, isOwnNamespace: boolean): JobResult {
  switch (job.do) {
    case "transact":
      return { did: "transact", answer: transact(job, isOwnNamespace) };
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

function transact(job: Extract<Job, { do: "transact" }>, isOwnNamespace: boolean) {
  const socket = isOwnNamespace ? ownSocket(job.protocol) : openRequestSocket(job.protocol);
  try {
    sequence = (sequence + 16) >>> 0;
    const answer = exchange(socket, job.request, sequence, buffer, job.canRepeat);
    // After a time-out an answer may still come; a fresh socket never sees it.
    if (isOwnNamespace && answer.errno !== 0 && answer.messages.length === 0) dropOwnSocket(job.protocol);
    return answer;
  } finally {
    if (!isOwnNamespace) socket.close();
  }
}

function ownSocket(protocol: number): DatagramSocket {
  let socket = ownSockets.get(protocol);
  if (socket === undefined) {
    socket = openRequestSocket(protocol);
    ownSockets.set(protocol, socket);
  }
  return socket;
}

function dropOwnSocket(protocol: number): void {
  ownSockets.get(protocol)?.close();
  ownSockets.delete(protocol);
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
