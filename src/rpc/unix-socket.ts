import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, rename, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";
import { LanyardError } from "../model/errors.ts";

/** A socket a server listens on. */
export interface ListeningSocket {
  /** Stops listening and removes the socket, unless a newer server has put its own there. */
  close(): Promise<void>;
}

/**
 * Makes a server listen on a unix socket that only `mode` may use. The socket is bound under another name and
 * renamed into place, so that it never stands there with other rights. One that a server which is gone left
 * behind is replaced. Throws `conflict` when a living server answers there, or another kind of file is there.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<ListeningSocket> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) {
    throw new LanyardError(
      "conflict",
      `cannot listen on ${path}: a file that is not a socket is there; move it away`,
    );
  }
  if (found !== undefined && (await isAnswered(path))) {
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
        resolve();
      });
    });
    await chmod(boundPath, mode);
    await rename(boundPath, path);
  } catch (error) {
    server.close();
    await rm(boundPath, { force: true });
    throw new LanyardError("unavailable", `cannot listen on ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const identity = await identify(path);
  return {
    close: async () => {
      // libuv removes only the name it bound.
      if ((await identify(path)) === identity) await rm(path, { force: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Device and inode of a file, to tell whether it is still the same one; undefined when there is none. */
async function identify(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
