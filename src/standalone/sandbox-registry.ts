import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { makeFolder } from "../linux/folder.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { PodIdentity } from "../model/pod.ts";
import type { ProcessIdentity } from "./process.ts";

/** A sandbox as it is written down. */
export interface RegisteredSandbox extends ProcessIdentity {
  readonly pod: PodIdentity;
}

const schema = z.object({
  bootId: z.string(),
  sandboxes: z.array(
    z.object({
      pod: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
      pid: z.int().positive(),
      startTime: z.string(),
    }),
  ),
});

/**
 * The sandboxes a file holds; none when there is no file or it is from before the machine's last start.
 * @throws LanyardError `invalid` when the file is no registry
 */
export function readRegistry(path: string, bootId: string): RegisteredSandbox[] {
  try {
    const written = schema.parse(JSON.parse(readFileSync(path, "utf8")));
    return written.bootId === bootId ? written.sandboxes : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    const message = `${path} does not hold sandboxes as this program writes them: ${errorText(error)}`;
    throw new LanyardError("invalid", message, { cause: error });
  }
}

/** Writes the file whole, or leaves it as it was: a crash between leaves no half of it. */
export function writeRegistry(path: string, bootId: string, sandboxes: readonly RegisteredSandbox[]): void {
  makeFolder(dirname(path), 0o700);
  const draft = `${path}.new`;
  writeFileSync(draft, `${JSON.stringify({ bootId, sandboxes }, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}
