import type { Attachments } from "../model/attachment.ts";
import type { AssignedDevice, PodIdentity } from "../model/pod.ts";
import type { PodManifest } from "../model/pod-manifest.ts";
import type { Unsubscribe } from "../model/ports.ts";
import type { Sandbox } from "./sandbox.ts";

/** What the door uses of the embedded kubelet. */
export interface DeviceManager {
  /** Every resource known, with how many devices of it are healthy and how many are given away. */
  resources(): readonly {
    readonly resource: string;
    readonly allocatable: number;
    readonly allocated: number;
  }[];
  onChange(listener: () => void): Unsubscribe;
  /** All or nothing; a pod that was admitted before gets what it has. */
  admit(
    pod: PodIdentity,
    containers: readonly { readonly name: string; readonly resources: Readonly<Record<string, number>> }[],
  ): Promise<unknown>;
  startContainer(pod: PodIdentity, containerName: string): Promise<void>;
  release(pod: Pick<PodIdentity, "uid">): Promise<void>;
  assignedTo(pod: PodIdentity): Promise<readonly AssignedDevice[]>;
  /** Pods that hold devices, those of an earlier run among them. */
  podUids(): readonly string[];
}

/** What the door uses of the sandboxes. */
export interface SandboxKeeper {
  start(pod: PodIdentity): Promise<Sandbox>;
  stop(pod: Pick<PodIdentity, "uid">): Promise<void>;
  find(pod: Pick<PodIdentity, "uid">): Sandbox | undefined;
  list(): readonly Sandbox[];
  onExit(listener: (pod: PodIdentity) => void): Unsubscribe;
}

/** What the door uses of the manifest folder. */
export interface PodSource {
  pods(): readonly PodManifest[];
  /** What could not be read; while there is something, a missing pod may only be misspelt. */
  problems(): readonly unknown[];
  readonly isLoaded: boolean;
  onChange(listener: () => void): Unsubscribe;
}

/** What bringing pods up and down takes. */
export interface PodParts {
  readonly kubelet: DeviceManager;
  readonly sandboxes: SandboxKeeper;
  readonly attachments: Pick<Attachments, "reconcile" | "release" | "list">;
}
