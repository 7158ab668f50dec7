import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import { FolderWatch } from "../linux/folder-watch.ts";
import type { NetworkAttachmentDefinition } from "../model/cni/network-attachment-definition.ts";
import { Debounce } from "../model/debounce.ts";
import type { DevicePolicy } from "../model/device-policy.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { LinkProfile } from "../model/link-profile.ts";
import type { Manifest } from "../model/manifest.ts";
import type { PodManifest } from "../model/pod-manifest.ts";
import type { PodNetwork } from "../model/pod-network.ts";
import type { PodNetworkAttachment } from "../model/pod-network-attachment.ts";
import type { NetworkCatalog, PolicySource, Unsubscribe } from "../model/ports.ts";
import type { QosClass } from "../model/qos-class.ts";
import { SerialTask } from "../model/serial-task.ts";
import {
  isManifestName,
  keepLastGood,
  type ManifestFile,
  type ManifestProblem,
  mergeFiles,
  readManifestFile,
} from "./manifest-file.ts";

/** Options of a ManifestFolder. */
export interface ManifestFolderOptions {
  readonly directory: string;
  readonly log: Logger;
  /** Quiet time after the last change before the folder is read again, in milliseconds. */
  readonly debounceMs?: number;
}

/**
 * The objects in a folder of manifests (`*.yaml`, `*.yml`, `*.json`), kept current while files come, change
 * and go. Mistakes never remove anything: an object whose file became invalid stays as it last was, and a
 * folder that is not there is no empty folder.
 */
export class ManifestFolder implements NetworkCatalog, PolicySource {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #debounce: Debounce;
  readonly #watch: FolderWatch;
  readonly #reading = new SerialTask(() => this.#reload());
  readonly #listeners = new Set<() => void>();
  #files = new Map<string, ManifestFile>();
  #objects: ReadonlyMap<string, Manifest> = new Map();
  #problems: readonly ManifestProblem[] = [];
  #isLoaded = false;
  #isStopped = false;

  constructor(options: ManifestFolderOptions) {
    this.#directory = resolve(options.directory);
    this.#log = options.log;
    this.#debounce = new Debounce(options.debounceMs ?? 100, () => void this.reload());
    this.#watch = new FolderWatch(this.#directory, options.log, () => this.#debounce.note());
  }

  /** Reads the folder and begins to watch it. A folder that is not there yet is waited for. */
  async start(): Promise<void> {
    // Watched before it is read, so that no change falls between.
    this.#watch.start();
    await this.reload();
  }

  /** Ends the watching; the objects stay as they are. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    this.#debounce.cancel();
    await this.#reading.settle();
  }

  /** Reads the folder now; resolves after the listeners were told. */
  reload(): Promise<void> {
    return this.#reading.request();
  }

  /** Whether the folder could be read at least once: before that, what is missing means nothing. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Whether every object in the folder could be read. */
  get isComplete(): boolean {
    return this.#isLoaded && this.#problems.length === 0;
  }

  /** What is not used as it stands, file by file. */
  problems(): readonly ManifestProblem[] {
    return this.#problems;
  }

  pods(): readonly PodManifest[] {
    return this.#ofKind("Pod");
  }

  podNetworks(): readonly PodNetwork[] {
    return this.#ofKind("PodNetwork");
  }

  linkProfiles(): readonly LinkProfile[] {
    return this.#ofKind("LinkProfile");
  }

  qosClasses(): readonly QosClass[] {
    return this.#ofKind("QosClass");
  }

  devicePolicies(): readonly DevicePolicy[] {
    return this.#ofKind("DevicePolicy");
  }

  podNetworkAttachments(): readonly PodNetworkAttachment[] {
    return this.#ofKind("PodNetworkAttachment");
  }

  networkAttachmentDefinitions(): readonly NetworkAttachmentDefinition[] {
    return this.#ofKind("NetworkAttachmentDefinition");
  }

  podNetwork(name: string): PodNetwork | undefined {
    return this.#find("PodNetwork", name);
  }

  linkProfile(name: string): LinkProfile | undefined {
    return this.#find("LinkProfile", name);
  }

  qosClass(name: string): QosClass | undefined {
    return this.#find("QosClass", name);
  }

  podNetworkAttachment(namespace: string, name: string): PodNetworkAttachment | undefined {
    return this.#find("PodNetworkAttachment", `${namespace}/${name}`);
  }

  networkAttachmentDefinition(namespace: string, name: string): NetworkAttachmentDefinition | undefined {
    return this.#find("NetworkAttachmentDefinition", `${namespace}/${name}`);
  }

  /** Calls back after every reading of the folder, whether or not anything is different. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #find<Kind extends Manifest["kind"]>(
    kind: Kind,
    name: string,
  ): Extract<Manifest, { kind: Kind }> | undefined {
    const key = `${kind} ${name}`;
    const found = this.#objects.get(key);
    if (found !== undefined) return found as Extract<Manifest, { kind: Kind }>;
    const mistakes = this.#problems.filter((problem) => problem.key === key);
    if (mistakes.length === 0) return undefined;
    throw new LanyardError("invalid", `${key}: ${mistakes.map(({ message }) => message).join("; ")}`);
  }

  #ofKind<Kind extends Manifest["kind"]>(kind: Kind): readonly Extract<Manifest, { kind: Kind }>[] {
    return [...this.#objects.values()].filter(
      (object): object is Extract<Manifest, { kind: Kind }> => object.kind === kind,
    );
  }

  async #reload(): Promise<void> {
    if (this.#isStopped) return;
    this.#take(await this.#read());
    for (const listener of this.#listeners) listener();
  }

  /** The files as they are now; undefined when the folder cannot be read, with the reason. */
  async #read(): Promise<{ files?: Map<string, ManifestFile>; reason?: string }> {
    try {
      const names = (await readdir(this.#directory)).filter(isManifestName).sort();
      const files = new Map<string, ManifestFile>();
      for (const name of names) {
        const file = await this.#readFile(name);
        if (file !== undefined) files.set(name, keepLastGood(this.#files.get(name), file));
      }
      return { files };
    } catch (error) {
      return { reason: errorText(error) };
    }
  }

  async #readFile(name: string): Promise<ManifestFile | undefined> {
    try {
      return readManifestFile(name, await readFile(join(this.#directory, name), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const message = `${name}: cannot be read: ${errorText(error)}`;
      return { entries: [], problems: [{ place: name, message, kept: [] }] };
    }
  }

  #take({ files, reason }: { files?: Map<string, ManifestFile>; reason?: string }): void {
    const before = new Set(this.#problems.map(describeProblem));
    if (files === undefined) {
      const message = `${this.#directory}: the folder cannot be read: ${reason}`;
      this.#problems = [{ place: this.#directory, message, kept: [...this.#objects.keys()] }];
    } else {
      this.#files = files;
      this.#isLoaded = true;
      const { objects, problems } = mergeFiles(files.values());
      this.#objects = objects;
      this.#problems = problems;
    }
    for (const text of this.#problems.map(describeProblem)) if (!before.has(text)) this.#log.warn(text);
    if (before.size > 0 && this.#problems.length === 0) {
      this.#log.info(`every manifest in ${this.#directory} is in order again`);
    }
  }
}

function describeProblem({ message, kept }: ManifestProblem): string {
  if (kept.length === 0) return message;
  return `${message}; until this is mended, what was there stays as it was: ${kept.join(", ")}`;
}
