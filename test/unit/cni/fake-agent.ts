import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** A call as it came over the socket. */
export interface ReceivedCall {
  /** Request line and headers, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

/** What a fake agent does with a connection once it has read a call. */
export type Reaction = (socket: Socket, call: ReceivedCall) => void;

/** The agent's end of the shim's socket and nothing behind it: a fake, which answers what a test wants. */
export class FakeAgent implements AsyncDisposable {
  readonly calls: ReceivedCall[] = [];
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param accept takes a connection itself, and says whether it did; otherwise the call is read */
  static async listen(
    path: string,
    react: Reaction,
    accept: (socket: Socket) => boolean = () => false,
  ): Promise<FakeAgent> {
    const server = createServer({ allowHalfOpen: true });
    const agent = new FakeAgent(server);
    server.on("connection", (socket) => {
      agent.#open.add(socket);
      // A shim that has seen enough goes away.
      socket.on("error", () => {}).on("close", () => agent.#open.delete(socket));
      if (accept(socket)) return;
      readCall(socket, (call) => {
        agent.calls.push(call);
        react(socket, call);
      });
    });
    server.listen(path);
    await once(server, "listening");
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

/** What an agent answers that has done what it was asked for. */
export function answerWith(body: string, code: 0 | 1 = 0): Reaction {
  return (socket) => socket.end(answer(body, code));
}

/** The bytes of an answer. */
export function answer(body: string, code: 0 | 1 = 0): string {
  return `HTTP/1.1 200 OK\r\nLanyard-Exit-Code: ${code}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function readCall(socket: Socket, take: (call: ReceivedCall) => void): void {
  let received = Buffer.alloc(0);
  let isTaken = false;
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0 || isTaken) return;
    const head = received.toString("latin1", 0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    const body = received.subarray(end + 4);
    if (body.length < length) return;
    isTaken = true;
    take({ head, body });
  });
}
