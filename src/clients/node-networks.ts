import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type NetworkConfiguration, parseNetworkConfiguration } from "../model/cni/network-configuration.ts";
import { errorText, InvalidValueError, LanyardError } from "../model/errors.ts";
import type { NodeNetworks } from "../model/ports.ts";
import { InvalidObjectError } from "../model/validation.ts";

export interface NodeNetworksOptions {
  /** Folders of configurations, in the order in which they are looked into. */
  readonly directories: readonly string[];
  /** Names of files that are passed over: our own, which is a copy of another. */
  readonly ignored: readonly string[];
}

/** Lists of plugins come before single ones (multi-network specification 3.4.1). */
const ENDINGS = [".conflist", ".conf"];

/** Networks by their names in the folders of CNI configurations, in the order of the files' names. Read anew each time. */
export class NodeNetworkFolders implements NodeNetworks {
  readonly #options: NodeNetworksOptions;

  constructor(options: NodeNetworksOptions) {
    this.#options = options;
  }

  get place(): string {
    return this.#options.directories.join(", ");
  }

  async networkConfiguration(name: string): Promise<NetworkConfiguration | undefined> {
    const damaged: InvalidValueError[] = [];
    const files = await this.#files();
    for (const ending of ENDINGS) {
      for (const path of files.filter((file) => file.endsWith(ending))) {
        const text = await unlessGone(readFile(path, "utf8"));
        if (text === undefined) continue;
        try {
          if (nameIn(text) === name) return parseNetworkConfiguration(text, path);
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          damaged.push(
            new InvalidValueError(path, text, `a network's configuration in JSON (${error.message})`),
          );
        }
      }
    }
    // One of these may be the one that is looked for.
    if (damaged.length > 0) throw new InvalidObjectError(damaged);
    return undefined;
  }

  /** Whole paths. */
  async #files(): Promise<string[]> {
    const { directories, ignored } = this.#options;
    const files: string[] = [];
    for (const directory of directories) {
      const names = (await unlessGone(readdir(directory))) ?? [];
      const others = names.filter((name) => !ignored.includes(name)).sort();
      files.push(...others.map((name) => join(directory, name)));
    }
    return files;
  }
}

/** Throws SyntaxError. */
function nameIn(text: string): unknown {
  const document: unknown = JSON.parse(text);
  return typeof document === "object" && document !== null && "name" in document ? document.name : undefined;
}

/** Undefined for a file or folder that is not there. Throws LanyardError `unavailable`. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LanyardError("unavailable", `a network's configuration cannot be read: ${errorText(error)}`, {
      cause: error,
    });
  }
}
