import { connect, createServer, type Server } from "node:net";
import { errorText, LanyardError } from "../model/errors.ts";

/** How long a holder of the lock may take to say who it is, in milliseconds. */
const ANSWER_MS = 1000;

/** Held until it is closed, or until its process ends in whatever way. */
export interface Lock {
  close(): Promise<void>;
}

/**
 * Sees to it that only one process holds `name`. The lock is a listening socket in the kernel's abstract
 * namespace (unix(7)): binding it is atomic, and it has no file that a killed process could leave behind.
 * @throws LanyardError `conflict`, with the number of the process that holds it
 */
export async function takeLock(name: string): Promise<Lock> {
  const path = `\0${name}`;
  const server = createServer((caller) => {
    caller.on("error", () => {});
    caller.end(`${process.pid}\n`);
  });
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") {
      throw new LanyardError("unavailable", `cannot take the lock "${name}": ${errorText(error)}`, {
        cause: error,
      });
    }
    const holder = await askHolder(path);
    throw new LanyardError("conflict", `another one runs already${holder}; end it first, with Ctrl-C`);
  }
  server.unref();
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function askHolder(path: string): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const caller = connect(path);
    caller.setEncoding("utf8").setTimeout(ANSWER_MS, () => caller.destroy());
    caller.on("data", (text: string) => {
      said += text;
    });
    // whoever held it may be gone by now: then there is nobody to name
    caller.on("error", () => {});
    caller.on("close", () => resolve(/^\d+$/.test(said.trim()) ? ` as process ${said.trim()}` : ""));
  });
}
