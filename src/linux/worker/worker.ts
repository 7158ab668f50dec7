import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { errorText, LanyardError } from "../../model/errors.ts";
import { ENOBUFS, ETIME } from "../errno.ts";
import { type Answer, exchange, type HandOver } from "../netlink/exchange.ts";
import { ReceiveBuffer } from "../netlink/receive-buffer.ts";
import { type DatagramSocket, openRequestSocket } from "../netlink/socket.ts";
import { ThreadNamespace } from "../thread-namespace.ts";
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

const thread = new ThreadNamespace();
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
    thread.close();
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

/** Does something in another network namespace, with sockets of its own there: kept ones would pin it. */
function inNamespace<T>(fd: number, section: (sockets: RequestSockets) => T): T {
  return thread.inside(fd, () => {
    const sockets = new RequestSockets();
    try {
      return section(sockets);
    } finally {
      sockets.close();
    }
  });
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
      writeText(job.path, job.text);
      return { did: "writeFile" };
    case "readFile":
      return { did: "readFile", text: readFileSync(job.path, "utf8") };
    case "makeNamespace":
      return { did: "makeNamespace", fd: thread.make() };
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

/** With fewer calls than `writeFileSync` makes: a setting of the kernel takes its text whole, or refuses it. */
function writeText(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
