import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { makeFolder } from "../linux/folder.ts";
import { writeWholeFile } from "../linux/whole-file.ts";
import type { Device } from "../model/device.ts";
import { DEVICE_INFO_SUFFIX, deviceInfoFileName } from "../model/device-info.ts";
import { errorText } from "../model/errors.ts";
import type { DeviceUse, DeviceUses, Unsubscribe } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import { removeIfThere } from "../rpc/socket-file.ts";

/** For everybody to read; a CNI plugin has no reason to change it. */
const fileMode = 0o444;

/** Ids of functions: a PCI address, or the name of an auxiliary device. */
const functionId = /^([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]|[a-z0-9_]+\.[a-z0-9_]+\.[0-9]+)$/;

/** The uses of devices with what the door adds to them: it knows before the kubelet tells of a pod. */
export interface AllocationBook extends DeviceUses {
  /** Told of every device that is given away here, before it is made ready. */
  allocated(resource: string, id: string): void;
}

export interface DeviceInfoFilesOptions {
  readonly directory: string;
  /** Without it no file is ever removed, only replaced when its device is given away again. */
  readonly uses: AllocationBook | undefined;
  /** The resources whose files these are. */
  readonly resources: () => readonly string[];
  readonly log: Logger;
}

/**
 * Device-info files (device-info specification 1.1.0, "Device Plugin"): what a device is, for the CNI plugin that will
 * set it up. Written when a device is given away, removed when the pod is gone. They outlive this process, because
 * the pods do.
 */
export class DeviceInfoFiles {
  readonly #options: DeviceInfoFilesOptions;
  readonly #sweep = new SerialTask(() => this.#removeUnused());
  /** Every resource there was: the last pod of one may be gone after its pool. */
  readonly #resources = new Set<string>();
  #unsubscribe: Unsubscribe | undefined;

  constructor(options: DeviceInfoFilesOptions) {
    this.#options = options;
  }

  start(): void {
    const { uses } = this.#options;
    let before = namesOf(uses?.uses() ?? []);
    let wasComplete = false;
    this.#unsubscribe = uses?.onChange(() => {
      const now = namesOf(uses.uses());
      // Nothing is to be removed when a device is given away, which is at every Allocate.
      const isSweepDue = !before.isSubsetOf(now) || uses.isComplete !== wasComplete;
      before = now;
      wasComplete = uses.isComplete;
      if (isSweepDue) void this.#sweep.request();
    });
    void this.#sweep.request();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#sweep.settle();
  }

  /** @throws LanyardError or the file system's error when one of them cannot be written */
  async write(resource: string, devices: readonly Device[]): Promise<void> {
    const { directory } = this.#options;
    this.#resources.add(resource);
    for (const { id, access } of devices) {
      if (access.deviceInfo === undefined) continue;
      makeFolder(directory, 0o755);
      const text = JSON.stringify(access.deviceInfo);
      await writeWholeFile(join(directory, deviceInfoFileName(resource, id)), text, fileMode);
    }
  }

  async #removeUnused(): Promise<void> {
    const { directory, uses, resources, log } = this.#options;
    if (uses === undefined || !uses.isComplete) return;
    for (const resource of resources()) this.#resources.add(resource);
    try {
      const files = (await readdir(directory).catch(() => [])).filter((file) => isOwn(file, this.#resources));
      const used = namesOf(uses.uses());
      for (const file of files) if (!used.has(file)) await removeIfThere(join(directory, file));
    } catch (error) {
      log.error(`device-info files in ${directory} that no pod needs cannot be removed: ${errorText(error)}`);
    }
  }
}

/** The files of these devices. */
function namesOf(uses: readonly DeviceUse[]): Set<string> {
  return new Set(uses.map(({ resource, id }) => deviceInfoFileName(resource, id)));
}

/** A name alone does not tell where the resource ends, so what is left of it must be an id. */
function isOwn(file: string, resources: ReadonlySet<string>): boolean {
  if (!file.endsWith(DEVICE_INFO_SUFFIX)) return false;
  return [...resources].some((resource) => {
    const start = `${resource.replaceAll("/", "-")}-`;
    return file.startsWith(start) && functionId.test(file.slice(start.length, -DEVICE_INFO_SUFFIX.length));
  });
}
