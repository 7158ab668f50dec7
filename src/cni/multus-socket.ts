import { join } from "node:path";
import type { Logger } from "pino";
import { cniErrorOf, formatCniError } from "../model/cni/error.ts";
import type { CniResult } from "../model/cni/result.ts";
import { formatResult } from "../model/cni/versions.ts";
import { CallServer } from "./call-server.ts";
import type { Multus } from "./multus.ts";
import { type MultusCall, parseMultusCall } from "./multus-call.ts";
import type { Answer, Question } from "./question.ts";

/** The version in which Multus' daemon answers, whatever its shim's network is written in. */
const VERSION = "1.1.0";

/** One question that was answered. */
export interface MultusRequest {
  /** Path that was asked for; empty for one that means nothing. */
  readonly handler: string;
  readonly method: string;
  /** Status of HTTP. */
  readonly code: number;
}

export interface MultusSocketOptions {
  /** Folder of `multus.sock`, which must be there. */
  readonly directory: string;
  readonly multus: Multus;
  readonly onRequest: (request: MultusRequest) => void;
  readonly log: Logger;
}

/** The socket of the Multus daemon: an existing shim and the dynamic-networks controller go on working. */
export class MultusSocket {
  readonly #options: MultusSocketOptions;
  readonly #server: CallServer;
  readonly #handlers: ReadonlyMap<string, (question: Question) => Promise<Answer>>;
  #isStopping = false;

  constructor(options: MultusSocketOptions) {
    this.#options = options;
    const { multus } = options;
    this.#handlers = new Map([
      ["/cni", (question: Question) => serve(question, (call) => multus.servePod(call))],
      ["/delegate", (question: Question) => serve(question, (call) => multus.serveInterface(call))],
      ["/healthz", async () => ({ status: 200, body: "" })],
      ["/readyz", async () => ({ status: this.#isStopping ? 500 : 200, body: "" })],
    ]);
    this.#server = new CallServer((question) => this.#answer(question), options.log);
  }

  /** Throws LanyardError when the socket cannot be made. */
  async start(): Promise<void> {
    await this.#server.start(join(this.#options.directory, "multus.sock"));
  }

  /** Takes no more calls; resolves when those under way are answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#server.stop();
  }

  async #answer(question: Question): Promise<Answer> {
    const handler = this.#handlers.get(question.path);
    const answer = handler === undefined ? noSuchPath(this.#handlers.keys()) : await handler(question);
    this.#options.onRequest({
      handler: handler === undefined ? "" : question.path,
      method: question.method,
      code: answer.status,
    });
    return answer;
  }
}

async function serve(
  { method, body }: Question,
  work: (call: MultusCall) => Promise<CniResult | undefined>,
): Promise<Answer> {
  if (method !== "POST") return { status: 405, body: "a call is sent by POST\n" };
  try {
    const result = await work(parseMultusCall(body.toString()));
    if (result === undefined) return { status: 200, body: "" };
    return json(200, { Result: formatResult(result, VERSION) });
  } catch (error) {
    return json(400, formatCniError(cniErrorOf(error), VERSION));
  }
}

function json(status: number, document: object): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(document) };
}

function noSuchPath(known: Iterable<string>): Answer {
  return { status: 404, body: `there is ${[...known].join(", ")}\n` };
}
