import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Logger } from "pino";
import { errorText } from "../model/errors.ts";

/** How long to wait before watching is tried again when the kernel refused it, in milliseconds. */
const retryMs = 5000;

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/**
 * Calls back when anything in a folder is made, removed or renamed, and when the folder itself comes or goes. The
 * folder need not exist: its nearest parent that does is watched until it comes (inotify(7) watches an inode, not
 * a path, so a folder made anew has to be watched anew).
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  #isStopped = false;
  #retry: NodeJS.Timeout | undefined;

  /** @param onChange called soon after a change, often more than once for one change */
  constructor(folder: string, log: Logger, onChange: () => void) {
    this.#folder = folder;
    this.#log = log;
    this.#onChange = onChange;
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    for (const path of [...this.#watched.keys()]) this.#unwatch(path);
  }

  /** Watches the folder and its parent, or the nearest parent that exists; again until that holds still. */
  #arm(): void {
    if (this.#isStopped) return;
    try {
      for (let isSteady = false; !isSteady; ) isSteady = !this.#armOnce();
    } catch (error) {
      this.#log.warn(
        { folder: this.#folder },
        `cannot watch ${this.#folder}: ${errorText(error)}; looking again every ${retryMs / 1000} s (is fs.inotify.max_user_instances too low?)`,
      );
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        this.#arm();
        this.#onChange();
      }, retryMs);
    }
  }

  /** @returns whether anything had to be changed */
  #armOnce(): boolean {
    const wanted = this.#wantedFolders();
    let hasChanged = false;
    for (const [path, { identity }] of this.#watched) {
      if (wanted.get(path) === identity) continue;
      this.#unwatch(path);
      hasChanged = true;
    }
    for (const [path, identity] of wanted) {
      if (this.#watched.has(path)) continue;
      this.#watch(path, identity);
      hasChanged = true;
    }
    return hasChanged;
  }

  #wantedFolders(): Map<string, string> {
    const wanted = new Map<string, string>();
    let path = this.#folder;
    while (identify(path) === undefined && path !== dirname(path)) path = dirname(path);
    const places = path === this.#folder ? [path, dirname(path)] : [path];
    for (const place of places) {
      const identity = identify(place);
      if (identity !== undefined) wanted.set(place, identity);
    }
    return wanted;
  }

  #watch(path: string, identity: string): void {
    const onEvent = (_event: string, name: string | null) => {
      if (this.#isStopped) return;
      const isInFolder = path === this.#folder;
      if (!isInFolder && name !== null && !this.#isOnTheWay(path, name)) return;
      // A folder removed and made anew may get the same inode number, but its old watch is dead.
      if (name === basename(path)) this.#unwatch(path);
      if (!isInFolder && name !== null) this.#unwatch(join(path, name));
      this.#arm();
      this.#onChange();
    };
    let watcher: FSWatcher;
    try {
      watcher = watch(path, onEvent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    watcher.on("error", () => {
      this.#unwatch(path);
      this.#arm();
    });
    this.#watched.set(path, { watcher, identity });
  }

  /** Whether an entry of a parent lies on the path to the folder, or is the parent itself having gone. */
  #isOnTheWay(parent: string, name: string): boolean {
    if (name === basename(parent)) return true;
    const next = join(parent, name);
    return this.#folder === next || this.#folder.startsWith(`${next}/`);
  }

  #unwatch(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }
}

function identify(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found?.isDirectory() ? `${found.dev}:${found.ino}` : undefined;
}
