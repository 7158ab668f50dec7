import { randomBytes } from "node:crypto";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file beside its place and renames it, so that a reader finds the old or the new one, never a half. The
 * draft's name begins with a dot and does not end like the file's, so that no reader of the folder takes it for one.
 */
export async function writeWholeFile(path: string, text: string, mode: number): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(draft, text, { mode: 0o600, flag: "wx" });
    // The umask has no say in this.
    await chmod(draft, mode);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
