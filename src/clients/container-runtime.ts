import { stat } from "node:fs/promises";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import type { PodIdentity } from "../model/pod.ts";
import type { SandboxSource } from "../model/ports.ts";
import { UnixSocketClient } from "../rpc/client.ts";
import { RpcError } from "../rpc/errors.ts";
import { PodSandboxState, RuntimeService } from "../rpc/generated/cri/v1_pb.js";

/** Where containerd, CRI-O and k3s' containerd serve the container runtime interface. */
const USUAL_SOCKETS = [
  "/run/containerd/containerd.sock",
  "/run/crio/crio.sock",
  "/run/k3s/containerd/containerd.sock",
];

/** A pod's sandbox as the runtime tells it. */
export interface RuntimeSandbox {
  /** CNI_CONTAINERID of its network. */
  readonly id: string;
  readonly pod: PodIdentity;
  /** Whether its process runs and its network stands. */
  readonly isReady: boolean;
  /** Path of its network namespace; undefined where it has the node's, or the runtime tells none. */
  readonly namespacePath?: string;
}

/** Options of ContainerRuntime. */
export interface ContainerRuntimeOptions {
  /** The runtime's socket; the first of the usual ones that is there when absent. */
  readonly socket?: string;
  /** The usual ones; others in tests. */
  readonly usualSockets?: readonly string[];
}

/**
 * A client of the container runtime interface (CRI) v1. Every method throws LanyardError: `not-found` where there is no
 * socket, `unavailable` when nobody answers, `unsupported` when the runtime does not know this version. It is asked
 * seldom, so each call makes a connection of its own, and looks for the socket anew.
 */
export class ContainerRuntime implements SandboxSource {
  readonly #candidates: readonly string[];

  constructor({ socket, usualSockets = USUAL_SOCKETS }: ContainerRuntimeOptions = {}) {
    this.#candidates = socket === undefined ? usualSockets : [socket];
  }

  /** Ids of all sandboxes, also of those that have ended. One whose ADD has not been answered yet may be missing. */
  async sandboxes(): Promise<ReadonlySet<string>> {
    const { items } = await this.#ask((client) => client.call("listPodSandbox", {}));
    return new Set(items.map(({ id }) => id));
  }

  /** Undefined where the runtime has none of this id. */
  async sandbox(id: string): Promise<RuntimeSandbox | undefined> {
    try {
      const request = { podSandboxId: id, verbose: true };
      const { status, info } = await this.#ask((client) => client.call("podSandboxStatus", request));
      const { name = "", namespace = "", uid = "" } = status?.metadata ?? {};
      const namespacePath = networkNamespace(info.info);
      return {
        id,
        pod: { name, namespace, uid },
        isReady: status?.state === PodSandboxState.SANDBOX_READY,
        ...(namespacePath !== undefined && { namespacePath }),
      };
    } catch (error) {
      if (error instanceof RpcError && error.code === "not-found") return undefined;
      throw error;
    }
  }

  async #ask<T>(question: (client: UnixSocketClient<typeof RuntimeService>) => Promise<T>): Promise<T> {
    const client = new UnixSocketClient(RuntimeService, await this.#findSocket());
    try {
      return await question(client);
    } finally {
      client.close();
    }
  }

  async #findSocket(): Promise<string> {
    for (const path of this.#candidates) {
      const found = await stat(path).catch(() => undefined);
      if (found?.isSocket()) return path;
    }
    throw new NotFoundError(
      `no container runtime: there is no socket at ${this.#candidates.join(", ")}; name it as cni.runtimeSocket`,
    );
  }
}

/** @param text what containerd and CRI-O tell as "info" of a sandbox: JSON with its OCI specification */
function networkNamespace(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  let info: { runtimeSpec?: { linux?: { namespaces?: { type?: string; path?: string }[] } } } | null;
  try {
    info = JSON.parse(text);
  } catch (error) {
    const message = "the container runtime told something else than JSON of a sandbox";
    throw new LanyardError("internal", message, { cause: error });
  }
  return info?.runtimeSpec?.linux?.namespaces?.find(({ type }) => type === "network")?.path || undefined;
}
