import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Kernel } from "../linux/kernel.ts";
import type { ListenAddress } from "../model/agent-config.ts";
import type { Attachments } from "../model/attachment.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { DeviceUses, PoolSource } from "../model/ports.ts";
import { type ListeningSocket, listenOnSocket } from "../rpc/unix-socket.ts";
import { sampleInterfaces } from "./interface-sampler.ts";
import type { MetricsRegistry } from "./registry.ts";

export interface MetricsDoorOptions {
  readonly address: ListenAddress;
  readonly registry: MetricsRegistry;
  readonly kernel: Kernel;
  readonly attachments: Pick<Attachments, "list">;
  readonly pools: PoolSource;
  /** Which devices pods have. */
  readonly uses: Pick<DeviceUses, "uses">;
  /** How often announcements were lost and everything was read again. */
  readonly resyncs: () => number;
  /** Why the agent is not ready for work; undefined when it is. */
  readonly whyNotReady: () => string | undefined;
  readonly log: Logger;
}

/** `/metrics` for Prometheus, `/healthz` and `/readyz` for the kubelet. */
export class MetricsDoor {
  readonly #options: MetricsDoorOptions;
  readonly #server: Server;
  #socket: ListeningSocket | undefined;

  constructor(options: MetricsDoorOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        options.log.error({ err: error }, "a scrape could not be answered");
        if (!response.headersSent) respond(response, 500, `${errorText(error)}\n`);
        else response.destroy();
      });
    });
  }

  async start(): Promise<void> {
    const { address, log } = this.#options;
    const tell = (error: Error) => log.error({ err: error }, "a connection for metrics could not be taken");
    if (address.kind === "unix") {
      this.#socket = await listenOnSocket(this.#server, address.path, 0o600, tell);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error) => reject(cannotListen(address.host, address.port, error));
      this.#server.once("error", refuse);
      this.#server.listen(address.port, address.host, () => {
        this.#server.off("error", refuse);
        this.#server.on("error", tell);
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#socket !== undefined) await this.#socket.close();
    else if (this.#server.listening)
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    switch (URL.parse(request.url ?? "/", "http://agent")?.pathname) {
      case "/metrics":
        return respond(response, 200, await this.#render(), this.#options.registry.contentType);
      case "/healthz":
        return respond(response, 200, "ok\n");
      case "/readyz": {
        const reason = this.#options.whyNotReady();
        return reason === undefined ? respond(response, 200, "ok\n") : respond(response, 503, `${reason}\n`);
      }
      default:
        return respond(response, 404, "there is /metrics, /healthz and /readyz\n");
    }
  }

  async #render(): Promise<string> {
    const { kernel, attachments, pools, uses, resyncs, registry, log } = this.#options;
    const list = attachments.list();
    const attached = list.flatMap(({ device }) =>
      device === undefined ? [] : [`${device.resource}=${device.id}`],
    );
    const allocated = uses.uses().map(({ resource, id }) => `${resource}=${id}`);
    return await registry.render({
      interfaces: await sampleInterfaces(kernel, list, log),
      pools: pools.pools(),
      attachedDevices: new Set(attached),
      allocatedDevices: new Set(allocated),
      netlink: { ...kernel.counts(), resyncs: resyncs() },
    });
  }
}

function respond(
  response: ServerResponse,
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

function cannotListen(host: string | undefined, port: number, error: Error): LanyardError {
  return new LanyardError(
    "unavailable",
    `metrics.address ${host ?? ""}:${port}: cannot listen there (${errorText(error)}); choose another address`,
    { cause: error },
  );
}
