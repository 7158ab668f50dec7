import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { FolderWatch } from "../linux/folder-watch.ts";
import { writeWholeFile } from "../linux/whole-file.ts";
import { Debounce } from "../model/debounce.ts";
import { errorText } from "../model/errors.ts";
import { SerialTask } from "../model/serial-task.ts";
import { removeIfThere } from "../rpc/socket-file.ts";
import {
  chainBehind,
  chooseNetwork,
  isOwnText,
  OWN_FILE,
  readNetworkFile,
  type ShimSettings,
  whyNotBehind,
} from "./conflist.ts";

/** Runtimes are root; some networks have their credentials in there, and the field's audits ask for this. */
const FILE_MODE = 0o600;

/** A network program changes several files together: quiet time after the last, in milliseconds. */
const QUIET_MS = 100;

/** How long to wait, each time that another program took our file away, before it is written again, in milliseconds. */
const REWRITE_WAITS_MS = [1_000, 10_000, 60_000];

export interface ConflistKeeperOptions {
  /** The runtime's folder of networks. */
  readonly directory: string;
  /** Name of the file to stand behind; the first when absent. */
  readonly clusterNetwork?: string;
  readonly shim: ShimSettings;
  readonly log: Logger;
  /** For tests. */
  readonly rewriteWaitsMs?: readonly number[];
}

/** How the network file stands. */
export interface ConflistStatus {
  /** Path of our file; undefined while there is none. */
  readonly path?: string;
  /** Name of the file it stands behind; undefined while there is none. */
  readonly behind?: string;
  /** What keeps it from being as it should, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * Keeps our network in the runtime's folder true to the cluster's own, which it follows. A network that became unreadable
 * changes nothing; one that is gone takes ours with it, since a runtime must not take a node without a network for ready.
 * What another program takes away is written again a few times, and then left: two that write against each other help nobody.
 */
export class ConflistKeeper {
  readonly #options: ConflistKeeperOptions;
  readonly #path: string;
  readonly #watch: FolderWatch;
  readonly #task = new SerialTask(() => this.#look());
  readonly #debounce = new Debounce(QUIET_MS, () => void this.#task.request());
  #behind: string | undefined;
  #problems: readonly string[] = [];
  /** The text of our file as it was seen to stand; undefined while it does not stand. */
  #standing: string | undefined;
  /** The text that was wanted last. */
  #wanted: string | undefined;
  #timesTaken = 0;
  /** What took our file away, in words; undefined when nothing did. */
  #taker: string | undefined;
  #rewrite: NodeJS.Timeout | undefined;

  constructor(options: ConflistKeeperOptions) {
    this.#options = options;
    this.#path = join(options.directory, OWN_FILE);
    this.#watch = new FolderWatch(options.directory, options.log, () => this.#debounce.note());
  }

  /** Writes our file, and follows the folder from then on. */
  async start(): Promise<void> {
    // Watched before it is read, so that no change falls between.
    this.#watch.start();
    await this.#task.request();
  }

  /** Follows no longer. Our file stays: pods that are made meanwhile wait for an agent. */
  async stop(): Promise<void> {
    this.#watch.stop();
    this.#debounce.cancel();
    clearTimeout(this.#rewrite);
    await this.#task.settle();
  }

  status(): ConflistStatus {
    return {
      ...(this.#standing !== undefined && { path: this.#path }),
      ...(this.#behind !== undefined && { behind: this.#behind }),
      problems: this.#problems,
    };
  }

  async #look(): Promise<void> {
    const before = new Set(this.#problems);
    try {
      this.#problems = await this.#follow();
    } catch (error) {
      this.#problems = [`${this.#path} cannot be kept: ${errorText(error)}`];
    }
    for (const problem of this.#problems) if (!before.has(problem)) this.#options.log.warn(problem);
  }

  /** Brings our file to what it should be, and tells what is not as it should. */
  async #follow(): Promise<string[]> {
    const { directory, clusterNetwork, shim } = this.#options;
    const names = await listFiles(directory);
    this.#behind = chooseNetwork(names, clusterNetwork);
    if (this.#behind === undefined) {
      await this.#remove();
      return [
        `there is no network ${clusterNetwork ?? ""} in ${directory} to stand behind`.replace("  ", " "),
      ];
    }
    let text: string;
    try {
      const network = readNetworkFile(this.#behind, await readFile(join(directory, this.#behind), "utf8"));
      const reason = whyNotBehind(network);
      if (reason !== undefined) {
        await this.#remove();
        return [reason];
      }
      text = chainBehind(network, shim);
    } catch (error) {
      return [`${errorText(error)}; until this is mended, ${OWN_FILE} stays as it is`];
    }
    await this.#write(text, names);
    return [...this.#describeTaking(), ...describeEarlier(names)];
  }

  async #write(text: string, names: readonly string[]): Promise<void> {
    if (text !== this.#wanted) this.#startAnew(text);
    const found = await readFile(this.#path, "utf8").catch(() => undefined);
    if (this.#standing !== undefined && found !== this.#standing) this.#wasTaken(found, names);
    if (found === text) this.#taker = undefined;
    else if (this.#taker === undefined) {
      await writeWholeFile(this.#path, text, FILE_MODE);
      this.#options.log.info({ path: this.#path, behind: this.#behind }, "the network file was written");
    }
    this.#standing = this.#taker === undefined ? text : undefined;
  }

  /** The cluster's network has changed, and whoever took our file away may let it be now. */
  #startAnew(text: string): void {
    this.#wanted = text;
    this.#timesTaken = 0;
    this.#taker = undefined;
    clearTimeout(this.#rewrite);
  }

  #wasTaken(found: string | undefined, names: readonly string[]): void {
    const twin = names.find((name) => name.startsWith(`${OWN_FILE}.`));
    this.#taker = describeTaker(found, twin);
    const waits = this.#options.rewriteWaitsMs ?? REWRITE_WAITS_MS;
    const wait = waits[this.#timesTaken++];
    if (wait === undefined) return;
    this.#rewrite = setTimeout(() => {
      this.#taker = undefined;
      void this.#task.request();
    }, wait);
  }

  #describeTaking(): string[] {
    if (this.#taker === undefined) return [];
    const { length } = this.#options.rewriteWaitsMs ?? REWRITE_WAITS_MS;
    const next =
      this.#timesTaken > length
        ? `after ${length} times it is not written again before the cluster's network changes or the agent starts anew`
        : "it is written again";
    return [`${this.#path} was ${this.#taker}; ${next}`];
  }

  async #remove(): Promise<void> {
    this.#startAnew("");
    const wasRemoved = await removeConflist(this.#options.directory);
    this.#standing = undefined;
    if (wasRemoved) this.#options.log.info({ path: this.#path }, "the network file was removed");
  }
}

/**
 * Removes our network from the runtime's folder; leaves a file of that name which is another's and, where a socket is named,
 * that of an agent which listens elsewhere. Whether one was removed.
 */
export async function removeConflist(directory: string, socket?: string): Promise<boolean> {
  const path = join(directory, OWN_FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined || !isOwnText(text, socket)) return false;
  await removeIfThere(path);
  return true;
}

function describeTaker(found: string | undefined, twin: string | undefined): string {
  if (twin?.endsWith(".cilium_bak")) {
    return `renamed to ${twin} by Cilium, which wants no other network beside it (set cni.exclusive=false in its Helm values)`;
  }
  if (found !== undefined) return "changed by another program (find it, and have it leave this file alone)";
  const way = twin === undefined ? "removed" : `renamed to ${twin}`;
  return `${way} by another program (find it, and have it leave files of other names alone)`;
}

/** The runtime takes the first file, and would not take ours. */
function describeEarlier(names: readonly string[]): string[] {
  return names
    .filter((name) => /\.(conf|conflist|json)$/.test(name) && name < OWN_FILE)
    .map(
      (name) =>
        `${name} comes before ${OWN_FILE}, so that the runtime takes it and pods get none of our networks; rename it`,
    );
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
