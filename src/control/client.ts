import { request } from "node:http";
import { errorText, LanyardError } from "../model/errors.ts";
import type { NodeNetwork } from "./node-network.ts";
import type { DevicesReport, StatusReport } from "./report.ts";

/** How long the agent may take, in milliseconds. */
export interface ControlPatience {
  readonly answerMs: number;
  /** To hand over: it first finishes what it does, and a card may need minutes for its VFs. */
  readonly handOverMs: number;
}

const defaultPatience: ControlPatience = { answerMs: 5_000, handOverMs: 300_000 };

/** Asks a running agent. Throws LanyardError `unavailable` when none answers at the socket. */
export class ControlClient {
  readonly #socketPath: string;
  readonly #patience: ControlPatience;

  constructor(socketPath: string, patience: Partial<ControlPatience> = {}) {
    this.#socketPath = socketPath;
    this.#patience = { ...defaultPatience, ...patience };
  }

  status(): Promise<StatusReport> {
    return this.#get("/v1/status") as Promise<StatusReport>;
  }

  devices(): Promise<DevicesReport> {
    return this.#get("/v1/devices") as Promise<DevicesReport>;
  }

  nodeNetwork(): Promise<NodeNetwork> {
    return this.#get("/v1/node-network") as Promise<NodeNetwork>;
  }

  /** Asks a running agent to leave the node to this one; resolves when its socket is free. */
  async handOver(): Promise<void> {
    await this.#ask("POST", "/v1/hand-over", this.#patience.handOverMs);
  }

  #get(path: string): Promise<unknown> {
    return this.#ask("GET", path);
  }

  async #ask(method: "GET" | "POST", path: string, timeout = this.#patience.answerMs): Promise<unknown> {
    const { status, body } = await this.#fetch(method, path, timeout);
    const answer = parse(body);
    if (status === 200 && answer !== undefined) return answer;
    const said = (answer as { message?: unknown } | undefined)?.message;
    const text = typeof said === "string" ? said : body.slice(0, 200);
    throw new LanyardError("unavailable", `the agent at ${this.#socketPath} answered ${status}: ${text}`);
  }

  #fetch(method: string, path: string, timeout: number): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#socketPath, method, path, timeout }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", (error) => reject(this.#noAnswer(error)));
      });
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      asked.on("error", (error) => reject(this.#noAnswer(error)));
      asked.end();
    });
  }

  #noAnswer(error: unknown): LanyardError {
    return new LanyardError(
      "unavailable",
      `no agent answers at ${this.#socketPath} (${errorText(error)}); start one with "lanyard agent", or name ` +
        "its socket with --socket",
      { cause: error },
    );
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
