import { accessSync, constants, cpSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readBootId } from "../linux/boot-id.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { findProcess, isRunning, type ProcessIdentity } from "../standalone/process.ts";
import { type DemoPlaces, placesIn, projectFile } from "./places.ts";

/** How long the world of a killed demo may take to tidy up before it is killed too, in milliseconds. */
const ORPHAN_MS = 10_000;

/** The process of a world, written down so that a later demo knows it again. */
interface WrittenWorld extends ProcessIdentity {
  readonly bootId: string;
}

/** The one folder a user's demo may have: in /run for root, else in the folder for temporary files. */
export function demoFolder(): string {
  const { uid } = userInfo();
  if (uid === 0 && isWritable("/run")) return "/run/lanyard-demo";
  return join(tmpdir(), `lanyard-demo-${uid}`);
}

/**
 * Removes what a killed demo left. Its world ends by itself as soon as nobody holds it; one that does not is
 * killed. Only whoever holds the demo's lock may call this.
 * @throws LanyardError when the folder is somebody else's
 */
export async function removeLeftover(folder: string): Promise<boolean> {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found !== undefined) {
    if (!found.isDirectory() || found.uid !== userInfo().uid) {
      throw new LanyardError(
        "conflict",
        `${folder} is not a folder of ours; remove it, or set TMPDIR to another`,
      );
    }
    await endOrphan(placesIn(folder).worldFile);
  }
  await removeFolder(folder);
  return found !== undefined;
}

/** Makes the folder, with the manifests and the configuration of deploy/standalone in it. */
export function makeFolder(folder: string): DemoPlaces {
  const places = placesIn(folder);
  mkdirSync(folder, { mode: 0o700 });
  cpSync(projectFile("deploy/standalone/manifests"), places.manifests, { recursive: true });
  cpSync(projectFile("deploy/standalone/config.yaml"), places.config);
  return places;
}

/** Writes down which process holds the world. */
export function writeWorld(path: string, pid: number): void {
  const found = findProcess(pid, "/proc");
  // it has ended already: then there is nothing to find again
  if (found === undefined) return;
  writeFileSync(path, JSON.stringify({ ...found, bootId: readBootId() } satisfies WrittenWorld));
}

/** Removes the folder; fine when it is gone. Nobody ever sees it half removed, because it is renamed first. */
export async function removeFolder(folder: string): Promise<void> {
  const ended = `${folder}.ended`;
  await rm(ended, { recursive: true, force: true });
  try {
    await rename(folder, ended);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await rm(ended, { recursive: true, force: true });
}

async function endOrphan(worldFile: string): Promise<void> {
  const world = readWorld(worldFile);
  if (world === undefined || world.bootId !== readBootId()) return;
  const deadline = performance.now() + ORPHAN_MS;
  while (isRunning(world, "/proc") && performance.now() < deadline) await sleep(50);
  if (!isRunning(world, "/proc")) return;
  try {
    process.kill(world.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  while (isRunning(world, "/proc")) {
    if (performance.now() > deadline + ORPHAN_MS) {
      throw new LanyardError(
        "timeout",
        `process ${world.pid} of an earlier demo does not end, though it was killed`,
      );
    }
    await sleep(50);
  }
}

function readWorld(path: string): WrittenWorld | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as WrittenWorld;
  } catch (error) {
    // killed before it was written, or while it was
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw new LanyardError("unavailable", `cannot read ${path}: ${errorText(error)}`, { cause: error });
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
