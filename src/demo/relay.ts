import { connect, createServer, type Server } from "node:net";

/** A listener that is passed on elsewhere. */
export interface Relay {
  /** `http://127.0.0.1:9808` */
  readonly url: string;
  close(): void;
}

const ATTEMPTS = 100;

/**
 * Listens on 127.0.0.1 and passes each connection to the unix socket at `target`, which may come later. Takes
 * `firstPort` or the next free one; undefined when this network namespace has no 127.0.0.1 to listen on.
 */
export async function startRelay(firstPort: number, target: string): Promise<Relay | undefined> {
  for (let port = firstPort; port < firstPort + ATTEMPTS; port++) {
    const server = createServer({ allowHalfOpen: true }, (caller) => {
      const agent = connect({ path: target, allowHalfOpen: true });
      caller.on("error", () => agent.destroy());
      agent.on("error", () => caller.destroy());
      caller.pipe(agent).pipe(caller);
    });
    const fault = await listen(server, port);
    if (fault === undefined) {
      server.unref();
      return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
    }
    if (fault !== "EADDRINUSE") return undefined;
  }
  return undefined;
}

function listen(server: Server, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
}
