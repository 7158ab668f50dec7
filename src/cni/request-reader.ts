import { LARGEST_CALL } from "./question.ts";

/** What somebody asks in one request. */
export interface ReadRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}

/** Why a request is not read to its end. */
export interface UnreadableRequest {
  /** Of HTTP (RFC 9110, section 15). */
  readonly status: number;
  readonly reason: string;
}

/** What a request says before its body. */
interface Head {
  readonly method: string;
  readonly path: string;
  /** Where the body begins, and how long it is, in bytes. */
  readonly end: number;
  readonly length: number;
}

/** Of the request's first line and its header, in bytes. */
const LARGEST_HEAD = 8 << 10;
const END_OF_HEAD = "\r\n\r\n";

/**
 * Reads one request of HTTP/1.1 (RFC 9112) whose body has a told length. Other headers mean nothing here, and there is no other
 * request on the connection.
 */
export class RequestReader {
  readonly #chunks: Buffer[] = [];
  #received = 0;
  #head: Head | undefined;

  /** Gives the request when the whole of it has come, and undefined before. */
  take(chunk: Buffer): ReadRequest | UnreadableRequest | undefined {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#head === undefined) {
      const head = readHead(this.#join());
      if (head === undefined || "status" in head) return head;
      this.#head = head;
    }
    const { method, path, end, length } = this.#head;
    if (this.#received < end + length) return undefined;
    return { method, path, body: this.#join().subarray(end, end + length) };
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    if (first === undefined || this.#chunks.length > 1)
      this.#chunks.splice(0, Infinity, Buffer.concat(this.#chunks));
    return this.#chunks[0] as Buffer;
  }
}

/** Undefined while the head has not wholly come. */
function readHead(received: Buffer): Head | UnreadableRequest | undefined {
  const at = received.indexOf(END_OF_HEAD);
  if (at < 0 || at > LARGEST_HEAD) {
    if (received.length <= LARGEST_HEAD) return undefined;
    return { status: 431, reason: `a request's header has at most ${LARGEST_HEAD} bytes` };
  }
  const [first = "", ...lines] = received.toString("latin1", 0, at).split("\r\n");
  const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || path === undefined)
    return { status: 400, reason: "expected a request such as POST /v1/cni HTTP/1.1" };
  const told = lines.flatMap((line) => /^content-length:\s*(\d{1,15})\s*$/i.exec(line)?.[1] ?? []);
  if (told.length > 1) return { status: 400, reason: "expected one Content-Length" };
  const length = Number(told[0] ?? 0);
  if (length > LARGEST_CALL) return { status: 413, reason: `a call has at most ${LARGEST_CALL} bytes` };
  return { method, path, end: at + END_OF_HEAD.length, length };
}
