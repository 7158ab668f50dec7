import { randomBytes } from "node:crypto";
import { chmod, rename } from "node:fs/promises";
import type { Server } from "node:net";
import { dirname, join } from "node:path";
import { LanyardError } from "../model/errors.ts";
import { checkSocketPath, identifyFile, isListening, removeIfThere } from "./socket-file.ts";

/** A socket a server listens on. */
export interface ListeningSocket {
  /**
   * Takes no more connections and removes the socket, unless a newer server has put its own there; resolves when another
   * server may. Connections that are open go on.
   */
  release(): Promise<void>;
  /** The same, and waits for the end of the connections. */
  close(): Promise<void>;
}

/**
 * Makes a server listen on a unix socket that only `mode` may use. The socket is bound under another name and
 * renamed into place, so that it never stands there with other rights. One that a server which is gone left
 * behind is replaced. `onError` is told what fails while the server listens (accept: EMFILE); the server goes on.
 * Throws `conflict` when a living server answers there, or another kind of file is there, and `not-found` when
 * there is no folder for it.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  mode: number,
  onError: (error: Error) => void,
): Promise<ListeningSocket> {
  await checkSocketPath(path);
  if (await isListening(path)) {
    throw new LanyardError(
      "conflict",
      `cannot listen on ${path}: another process answers there already; end it first`,
    );
  }
  const boundPath = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(boundPath, () => {
        server.off("error", reject);
        server.on("error", onError);
        resolve();
      });
    });
    await chmod(boundPath, mode);
    await rename(boundPath, path);
  } catch (error) {
    server.close();
    await removeIfThere(boundPath);
    throw new LanyardError("unavailable", `cannot listen on ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const identity = await identifyFile(path);
  let ended: Promise<void> | undefined;
  const release = async () => {
    // libuv removes only the name it bound.
    if ((await identifyFile(path)) === identity) await removeIfThere(path);
    ended ??= new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    release,
    close: async () => {
      await release();
      await ended;
    },
  };
}
