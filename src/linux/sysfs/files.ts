import type { Dirent } from "node:fs";
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename } from "node:path";

/**
 * Files of sysfs, read off the main thread, because a driver may be asked for what they say. Whatever cannot be read is
 * not told: a file that is missing, one that a driver has no answer for now (EINVAL, EOPNOTSUPP, EIO, ...), one whose
 * device went after it was opened (ENODEV), and one that only root may read.
 */

/** `0000:86:00.1`: domain, bus, device and function. */
export const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** How many devices are read side by side: enough for libuv's threads, and few enough for a small limit of open files. */
const SIDE_BY_SIDE = 16;

/** Text without the closing line feed; undefined for what is not told. */
export async function readText(path: string): Promise<string | undefined> {
  return (await unlessUntold(readFile(path, "utf8")))?.trim();
}

/** A number; undefined for what is not told, or is none. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readText(path);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A whole number from 0; undefined for anything else, such as the -1 by which the kernel says that there is none. */
export async function readCount(path: string): Promise<number | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : countIn(text);
}

/** The same for text that is read already. */
export function countIn(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The name of what a symbolic link leads to, whether or not that is there; undefined where there is no link. */
export async function linkTarget(path: string): Promise<string | undefined> {
  const target = await readTarget(path);
  if (target === undefined) return undefined;
  // The kernel ends a link with a name; ln(1) may end one with the way up.
  const named = /(^|\/)\.{1,2}\/?$/.test(target) ? await resolvePath(path) : target;
  return named === undefined ? undefined : basename(named);
}

/** What is written in a symbolic link, whether or not it leads anywhere; undefined where there is none. */
export async function readTarget(path: string): Promise<string | undefined> {
  return await unlessUntold(readlink(path));
}

/** Where a path leads when all its symbolic links are followed; undefined where it leads nowhere. */
export async function resolvePath(path: string): Promise<string | undefined> {
  return await unlessUntold(realpath(path));
}

/** Whether there is something under a path, if only a symbolic link that leads nowhere. */
export async function isThere(path: string): Promise<boolean> {
  return (await unlessUntold(lstat(path))) !== undefined;
}

/** Names in a folder, sorted; none where there is no folder. */
export async function listFolder(path: string): Promise<string[]> {
  return ((await unlessUntold(readdir(path))) ?? []).sort();
}

/** Folders, and symbolic links that may lead to some, in a folder, by name; none where there is no folder. */
export async function listDevices(path: string): Promise<Dirent[]> {
  const entries = (await unlessUntold(readdir(path, { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Does the same for many devices, some side by side, and gives the results in their order. */
export async function mapDevices<T, R>(devices: readonly T[], read: (device: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(devices.length);
  const waiting = devices.entries();
  const readSome = async () => {
    for (const [at, device] of waiting) results[at] = await read(device);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, readSome));
  return results;
}

type UndefinedKeys<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];

/** Facts without those that are undefined. */
export type Told<T> = Omit<T, UndefinedKeys<T>> & { [K in UndefinedKeys<T>]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined, as optional properties are to be absent and not undefined. */
export function told<T extends object>(facts: T): Told<T> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Told<T>;
}

/** What this process lacks says nothing of the file. */
const OWN_TROUBLE = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

async function unlessUntold<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || OWN_TROUBLE.has(code)) throw error;
    return undefined;
  }
}
