import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import { type ListeningSocket, listenOnSocket } from "../rpc/unix-socket.ts";
import { type Answer, LARGEST_CALL, type Question } from "./question.ts";

/** How long a client that neither asks nor takes its answer may keep the server from closing, in milliseconds. */
const STOP_PATIENCE_MS = 1_000;

/**
 * HTTP on a unix socket for calls of plugins: each is answered by one function, and goes on to its end also when its client
 * is gone.
 */
export class CallServer {
  readonly #server: Server;
  readonly #answer: (question: Question) => Promise<Answer>;
  readonly #log: Logger;
  readonly #underWay = new Set<Promise<void>>();
  #socket: ListeningSocket | undefined;

  /** @param answer handles its own errors: one that it throws is logged and answered with 500 */
  constructor(answer: (question: Question) => Promise<Answer>, log: Logger) {
    this.#answer = answer;
    this.#log = log;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Listens for root alone. Throws LanyardError as `listenOnSocket` does. */
  async start(path: string): Promise<void> {
    this.#socket = await listenOnSocket(this.#server, path, 0o600, (error) =>
      this.#log.error({ err: error }, `${path} could not take a connection`),
    );
  }

  /** Takes no more calls and removes the socket, then waits for those under way and their answers. */
  async stop(): Promise<void> {
    await this.#socket?.release();
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    this.#server.closeIdleConnections();
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), STOP_PATIENCE_MS);
    try {
      await this.#socket?.close();
    } finally {
      clearTimeout(cutOff);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Buffer | undefined;
    try {
      body = await readBody(request);
    } catch {
      // The client went away before it had asked.
      return;
    }
    if (body === undefined) {
      respond(response, { status: 413, body: `a call has at most ${LARGEST_CALL} bytes\n` });
      return;
    }
    const { method = "", url: path = "" } = request;
    const call = this.#respond({ method, path, body, isAbandoned: () => response.destroyed }, response);
    this.#underWay.add(call);
    await call;
    this.#underWay.delete(call);
  }

  async #respond(question: Question, response: ServerResponse): Promise<void> {
    try {
      respond(response, await this.#answer(question));
    } catch (error) {
      this.#log.error({ err: error, path: question.path }, "a call could not be answered");
      respond(response, { status: 500, body: "the agent failed; its log says how\n" });
    }
  }
}

/** Undefined for one that is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_CALL) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function respond(response: ServerResponse, { status, headers, body }: Answer): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, "content-length": length, connection: "close" }).end(body);
}
