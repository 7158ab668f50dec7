import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";

/** No longer than this is a change held back while more of them come, in milliseconds. */
const LONGEST_DELAY = 1_000;

/** Options of a FolderWatch. */
export interface FolderWatchOptions {
  readonly directory: string;
  /** Quiet time after which changes are told, in milliseconds. */
  readonly debounceMs: number;
  /** Told after something in the folder, or the folder itself, has changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Watches a folder that may not exist yet, or be removed and made again. Besides the folder, its nearest
 * existing ancestor is watched for the name that leads there.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  readonly #directory: string;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #firstChange = 0;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#directory = resolve(options.directory);
  }

  /**
   * Sees to it that the folder as it is now is watched. To be called before the folder is read, so that no
   * change falls between.
   */
  arm(): void {
    // again when a folder appeared or vanished while the watches were set
    for (let attempt = 0; attempt < 5; attempt++) {
      const targets = this.#targets();
      for (const [identity, watcher] of this.#watchers) {
        if (targets.has(identity)) continue;
        watcher.close();
        this.#watchers.delete(identity);
      }
      for (const [identity, { path, child }] of targets) this.#open(identity, path, child);
      const wanted = this.#targets();
      if ([...wanted.keys()].every((identity) => this.#watchers.has(identity))) return;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #open(identity: string, path: string, child: string | undefined): void {
    if (this.#watchers.has(identity)) return;
    try {
      const watcher = watch(path, (_event, name) => {
        if (child === undefined || name === null || name === child) this.#note();
      });
      watcher.on("error", this.#options.onError);
      this.#watchers.set(identity, watcher);
    } catch (error) {
      // gone between looking and watching: the next attempt sees it
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#options.onError(error);
    }
  }

  /** What to watch, by what makes a folder that folder, so that one made anew under the same name is another. */
  #targets(): Map<string, { path: string; child: string | undefined }> {
    const targets = new Map<string, { path: string; child: string | undefined }>();
    const own = identify(this.#directory);
    if (own !== undefined) targets.set(own, { path: this.#directory, child: undefined });
    let path = this.#directory;
    while (path !== dirname(path)) {
      const child = basename(path);
      path = dirname(path);
      const identity = identify(path);
      if (identity === undefined) continue;
      targets.set(`${identity} ${child}`, { path, child });
      break;
    }
    return targets;
  }

  #note(): void {
    const now = performance.now();
    if (this.#timer === undefined) this.#firstChange = now;
    clearTimeout(this.#timer);
    const left = Math.max(0, this.#firstChange + LONGEST_DELAY - now);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#options.onChange();
      },
      Math.min(this.#options.debounceMs, left),
    );
  }
}

/** Device and inode of a folder; undefined when there is no such folder. */
function identify(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found?.isDirectory() ? `${found.dev}:${found.ino}` : undefined;
}
