import { rm } from "node:fs/promises";
import type { Logger } from "pino";
import type { Plugin } from "./plugin.ts";
import type { Answer, Question } from "./question.ts";
import { ShimServer } from "./shim-server.ts";

/** What the shim asks for (native/cni-shim/exchange.h). */
const PATH = "/v1/cni";

/** The socket that the shim hands the runtime's calls to: an environment and a configuration there, an output and a code back. */
export class CniDoor {
  readonly #server: ShimServer;
  readonly #plugin: Plugin;

  constructor(plugin: Plugin, log: Logger) {
    this.#plugin = plugin;
    this.#server = new ShimServer((question) => this.#answer(question), log);
  }

  /** Throws LanyardError when the socket cannot be made. */
  async start(path: string): Promise<void> {
    await this.#server.start(path);
    // The agent's next absence is another one than that which the shim has noted (native/cni-shim/absence.h).
    await rm(`${path}.away`, { force: true });
  }

  /** Takes no more calls; resolves when those under way are answered. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async #answer({ method, path, body, isAbandoned }: Question): Promise<Answer> {
    if (method !== "POST" || path !== PATH) return { status: 404, body: `there is POST ${PATH}\n` };
    const { exitCode, output } = await this.#plugin.answer(body, isAbandoned);
    return { status: 200, headers: { "lanyard-exit-code": String(exitCode) }, body: output };
  }
}
