import { STATUS_CODES } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "pino";
import { type ListeningSocket, listenOnSocket } from "../rpc/unix-socket.ts";
import type { Answer, Question } from "./question.ts";
import { RequestReader } from "./request-reader.ts";

/** How long a client that does not take its answer may keep the server from closing, in milliseconds. */
const STOP_PATIENCE_MS = 1_000;

/**
 * HTTP/1.1 as the shim speaks it, and no more of it: one request on a connection, its length told, and one answer. Node's own
 * server, which Multus' socket has, takes half a millisecond more for a call (measured), and every pod of the node waits
 * for that. A call goes on to its end also when its client is gone.
 */
export class ShimServer {
  readonly #server: Server;
  readonly #answer: (question: Question) => Promise<Answer>;
  readonly #log: Logger;
  readonly #connections = new Set<Socket>();
  readonly #underWay = new Set<Promise<void>>();
  #socket: ListeningSocket | undefined;

  /** @param answer handles its own errors: one that it throws is logged and answered with 500 */
  constructor(answer: (question: Question) => Promise<Answer>, log: Logger) {
    this.#answer = answer;
    this.#log = log;
    this.#server = createServer((connection) => this.#serve(connection));
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
    // Who has an answer to take takes it; who has not asked yet asks the next agent.
    for (const connection of this.#connections) if (!connection.writableEnded) connection.destroy();
    const cutOff = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, STOP_PATIENCE_MS);
    try {
      await this.#socket?.close();
    } finally {
      clearTimeout(cutOff);
    }
  }

  #serve(connection: Socket): void {
    const reader = new RequestReader();
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    // Its end follows.
    connection.on("error", () => {});
    connection.on("data", (chunk) => {
      const request = reader.take(chunk as Buffer);
      if (request === undefined) return;
      connection.removeAllListeners("data");
      // The client's end must still be seen.
      connection.resume();
      if ("status" in request) {
        respond(connection, { status: request.status, body: `${request.reason}\n` });
        return;
      }
      const call = this.#respond({ ...request, isAbandoned: () => connection.destroyed }, connection);
      this.#underWay.add(call);
      void call.then(() => this.#underWay.delete(call));
    });
  }

  async #respond(question: Question, connection: Socket): Promise<void> {
    try {
      respond(connection, await this.#answer(question));
    } catch (error) {
      this.#log.error({ err: error, path: question.path }, "a call could not be answered");
      respond(connection, { status: 500, body: "the agent failed; its log says how\n" });
    }
  }
}

function respond(connection: Socket, { status, headers, body }: Answer): void {
  const all = { ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}
