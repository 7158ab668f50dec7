import { lstat, stat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, isAbsolute } from "node:path";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import { longestSocketPath } from "./limits.ts";

/** What connect(2) to a unix socket says when nobody listens, and where no socket can be. */
const nobodyListens: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT", "ENOTDIR", "EINVAL"]);

/**
 * Whether a socket can be made at a path: absolute, short enough, in a folder that exists, over nothing but a socket.
 * @throws LanyardError `invalid`, `not-found` or `conflict`
 */
export async function checkSocketPath(path: string): Promise<void> {
  const length = Buffer.byteLength(path);
  if (!isAbsolute(path) || length > longestSocketPath) {
    throw new LanyardError(
      "invalid",
      `cannot serve on ${path} (${length} bytes): a unix socket needs an absolute path of at most ${longestSocketPath} bytes`,
    );
  }
  if (!(await stat(dirname(path)).catch(() => undefined))?.isDirectory()) {
    throw new NotFoundError(`cannot serve on ${path}: there is no folder ${dirname(path)}`);
  }
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) {
    throw new LanyardError(
      "conflict",
      `cannot serve on ${path}: a file that is not a socket is there; move it away`,
    );
  }
}

/** Device and inode: a bound socket's inode number is not given to another file while the socket is open. */
export async function identifyFile(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

/**
 * What tells a socket from the one that is made after it under its name, whose inode number may be the same, but not with
 * the same times.
 * @returns undefined where there is none
 * @throws the file system's error when that cannot be seen
 */
export async function identifySocket(path: string): Promise<string | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    return `${found.dev}:${found.ino}:${found.birthtimeNs}:${found.ctimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

/**
 * Whether anyone listens on a unix socket: a process that was killed leaves its file behind. Where that cannot be told,
 * as with a process that takes no connection now (EAGAIN) or when no descriptor is left here (EMFILE), somebody does.
 */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", ({ code = "" }: NodeJS.ErrnoException) => resolve(!nobodyListens.has(code)));
  });
}
