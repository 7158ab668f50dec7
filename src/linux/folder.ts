import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { errorText, LanyardError } from "../model/errors.ts";

/**
 * Makes a folder with those above it that are missing. Not by Node's `recursive`, which tries for ever where the
 * kernel lets nobody make folders (/proc/nowhere). Throws LanyardError `unavailable`.
 */
export function makeFolder(path: string, mode: number): void {
  try {
    if (existsSync(path)) return;
    makeFolder(dirname(path), mode);
    mkdirSync(path, { mode });
  } catch (error) {
    if (error instanceof LanyardError) throw error;
    throw new LanyardError("unavailable", `the folder ${path} cannot be made: ${errorText(error)}`, {
      cause: error,
    });
  }
}
