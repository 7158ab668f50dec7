import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import { errorText, LanyardError } from "../model/errors.ts";
import { type ListeningSocket, listenOnSocket } from "../rpc/unix-socket.ts";
import type { ReportSource } from "./report.ts";

/** How long a connection may keep the door from closing, in milliseconds. */
const STOP_PATIENCE_MS = 1000;

/** What can be asked: by GET for what is told, by POST for what is done. */
interface Route {
  readonly method: "GET" | "POST";
  readonly answer: () => unknown;
}

/** The agent's own socket: HTTP and JSON, for root alone. */
export class ControlDoor {
  readonly #socketPath: string;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #server: Server;
  readonly #log: Logger;
  #socket: ListeningSocket | undefined;

  constructor(options: { socketPath: string; source: ReportSource; log: Logger }) {
    this.#socketPath = options.socketPath;
    this.#log = options.log;
    const { source } = options;
    this.#routes = new Map<string, Route>([
      ["/v1/status", { method: "GET", answer: () => source.status() }],
      ["/v1/devices", { method: "GET", answer: () => source.devices() }],
      ["/v1/node-network", { method: "GET", answer: () => source.nodeNetwork() }],
      ["/v1/hand-over", { method: "POST", answer: () => this.#handOver(source) }],
    ]);
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Listens; a socket left by an agent that is gone is replaced, one that answers is respected. */
  async start(): Promise<void> {
    this.#socket = await listenOnSocket(this.#server, this.#socketPath, 0o600, (error) =>
      this.#log.error({ err: error }, "the control socket could not take a connection"),
    );
  }

  /**
   * Answers what is being asked, then closes and removes the socket. Whoever does not finish a question, or does
   * not take the answer, is cut off.
   */
  async stop(): Promise<void> {
    this.#server.closeIdleConnections();
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), STOP_PATIENCE_MS);
    try {
      await this.#socket?.close();
    } finally {
      clearTimeout(cutOff);
    }
  }

  /** The socket is free for another agent when this is answered. */
  async #handOver(source: ReportSource): Promise<object> {
    await source.handOver();
    await this.#socket?.release();
    // It waits for the connection that this is answered on.
    void this.stop().catch((error: unknown) =>
      this.#log.error({ err: error }, "the control socket could not be closed"),
    );
    return {};
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const path = URL.parse(request.url ?? "/", "http://agent")?.pathname ?? String(request.url);
    const route = this.#routes.get(path);
    if (route === undefined) {
      const known = [...this.#routes.keys()].join(", ");
      send(response, 404, { code: "not-found", message: `no ${path} here; there is ${known}` });
      return;
    }
    if (request.method !== route.method) {
      send(response, 405, {
        code: "unsupported",
        message: `${path} takes ${route.method}, not ${request.method}`,
      });
      return;
    }
    try {
      send(response, 200, await route.answer());
    } catch (error) {
      if (error instanceof LanyardError) {
        send(response, 409, { code: error.code, message: error.message });
        return;
      }
      this.#log.error({ err: error, path }, "a question at the control socket could not be answered");
      send(response, 500, { code: "internal", message: errorText(error) });
    }
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}
