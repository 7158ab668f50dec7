import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";

/** Files of sysfs, read off the main thread, because a driver may be asked for what they say. */

/** `0000:86:00.1`: domain, bus, device and function. */
export const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Text without the closing line feed; undefined for what is not told. */
export async function readText(path: string): Promise<string | undefined> {
  return (await unlessAbsent(readFile(path, "utf8")))?.trim();
}

/** A number; undefined for what is not told, or is none. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readText(path);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The last part of what a symbolic link leads to; undefined where there is none. */
export async function linkTarget(path: string): Promise<string | undefined> {
  const target = await unlessAbsent(readlink(path));
  return target === undefined ? undefined : basename(target);
}

/** Names in a folder, sorted; none where there is no folder. */
export async function listFolder(path: string): Promise<string[]> {
  return ((await unlessAbsent(readdir(path))) ?? []).sort();
}

/**
 * A missing file is an answer; so is EINVAL, which `speed` gives for a link that is down, EOPNOTSUPP of a driver that
 * does not know, and ENODEV, which every file gives whose device went after it was opened.
 */
const ANSWERS = new Set(["ENOENT", "ENOTDIR", "ENODEV", "EINVAL", "EOPNOTSUPP"]);

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (ANSWERS.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
