import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { PodReport } from "../control/report.ts";
import type { Attachments } from "../model/attachment.ts";
import { StandaloneDoor } from "../standalone/door.ts";
import { EmbeddedKubelet } from "../standalone/kubelet/embedded-kubelet.ts";
import { ManifestFolder } from "../standalone/manifests.ts";
import { Sandboxes } from "../standalone/sandbox.ts";
import type { Folders } from "./folders.ts";

export interface StandaloneOptions {
  readonly manifestDirectory: string;
  readonly folders: Folders;
  /** The folder that plays the kubelet's `plugins_registry`, where the agent is to register by that. */
  readonly pluginsRegistry: string | undefined;
  readonly log: Logger;
}

/** The parts that stand in for a cluster: manifests from a folder, the embedded kubelet, pods' sandboxes. */
export class StandaloneParts {
  readonly manifests: ManifestFolder;
  readonly kubelet: EmbeddedKubelet;
  readonly #sandboxes: Sandboxes;
  readonly #log: Logger;
  #door: StandaloneDoor | undefined;

  constructor({ manifestDirectory, folders, pluginsRegistry, log }: StandaloneOptions) {
    this.#log = log;
    this.manifests = new ManifestFolder({ directory: manifestDirectory, log });
    this.kubelet = new EmbeddedKubelet({
      directory: folders.kubelet,
      podResourcesSocket: folders.podResourcesSocket,
      ...(pluginsRegistry !== undefined && { pluginsRegistry }),
      log,
    });
    this.#sandboxes = new Sandboxes({
      stateDirectory: folders.state,
      pauseProgram: fileURLToPath(new URL("../../native/build/pause", import.meta.url)),
      log,
    });
  }

  /** The kubelet empties its folder when it starts, so it starts before the device plugin. */
  async startKubelet(): Promise<void> {
    await this.kubelet.start();
  }

  /** The manifests must have been read. */
  startPods(attachments: Attachments): void {
    this.#door = new StandaloneDoor({
      manifests: this.manifests,
      kubelet: this.kubelet,
      sandboxes: this.#sandboxes,
      attachments,
      log: this.#log,
    });
    this.#door.start();
  }

  /** Ends the looking after pods; the pods go on. */
  async stopPods(): Promise<void> {
    await this.#door?.stop();
  }

  async stopKubelet(): Promise<void> {
    await this.kubelet.stop();
  }

  pods(): PodReport[] {
    return (this.#door?.pods() ?? []).map(({ pod, phase, message, namespacePath, devices }) => {
      const byResource = Object.groupBy(devices, ({ resource }) => resource);
      return {
        namespace: pod.namespace,
        name: pod.name,
        phase,
        ...(message === undefined ? {} : { message }),
        ...(namespacePath === undefined ? {} : { namespacePath }),
        devices: Object.fromEntries(
          Object.entries(byResource).map(([resource, list]) => [resource, (list ?? []).map(({ id }) => id)]),
        ),
      };
    });
  }
}
