import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { OWN_TYPE } from "../model/cni/own-plugin.ts";
import { errorText, LanyardError, NotFoundError } from "../model/errors.ts";

const MODE = 0o755;

/**
 * Puts the plugin's program where the container runtime looks for it, in one go: a runtime finds the old one or the new one,
 * also while it runs the old one. One that is the same stays untouched.
 *
 * Nothing here lets go of the thread: a process started meanwhile would inherit the descriptor that writes, and for as
 * long as it has that, the kernel runs the program for nobody ("text file busy").
 *
 * @param program the path of the program
 * @param binDirectory the runtime's folder of plugins, which must be there
 * @returns whether anything had to be written
 * @throws LanyardError with the folder and what would be right
 */
export function installPlugin(program: string, binDirectory: string): boolean {
  const content = readProgram(program);
  checkFolder(binDirectory);
  const path = join(binDirectory, OWN_TYPE);
  if (isInstalled(path, content)) return false;
  const draft = join(binDirectory, `.${OWN_TYPE}.${randomBytes(4).toString("hex")}`);
  try {
    writeProgram(draft, content);
    renameSync(draft, path);
    syncFolder(binDirectory);
  } catch (error) {
    rmSync(draft, { force: true });
    const message = `the plugin cannot be installed in ${binDirectory}: ${errorText(error)}; expected a folder that root can write to`;
    throw new LanyardError("unavailable", message, { cause: error });
  }
  return true;
}

function readProgram(program: string): Buffer {
  try {
    return readFileSync(program);
  } catch (error) {
    const hint = "any npm script of the checkout builds it, such as npm run lanyard -- version";
    throw new NotFoundError(`the plugin's program cannot be read: ${errorText(error)}; ${hint}`, {
      cause: error,
    });
  }
}

function checkFolder(binDirectory: string): void {
  if (statSync(binDirectory, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new NotFoundError(
    `the plugin cannot be installed in ${binDirectory}: no such folder; expected in cni.binDirectory where the container runtime looks for plugins (bin_dir or bin_dirs in containerd's configuration, plugin_dirs in CRI-O's)`,
  );
}

function isInstalled(path: string, content: Buffer): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile()) return false;
  return (
    found.size === content.length && (found.mode & 0o7777) === MODE && readFileSync(path).equals(content)
  );
}

function writeProgram(path: string, content: Buffer): void {
  const file = openSync(path, "wx", MODE);
  try {
    writeFileSync(file, content);
    // The umask has no say in this.
    fchmodSync(file, MODE);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
