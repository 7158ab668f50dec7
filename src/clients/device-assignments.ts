import { errorText, LanyardError } from "../model/errors.ts";
import { type AssignedDevice, type PodIdentity, podKey } from "../model/pod.ts";
import type { DeviceAssignments } from "../model/ports.ts";
import type { PodDevice, PodResourcesClient } from "./pod-resources.ts";

/** Asks the kubelet what a pod was given: about the pod alone where it answers that, and about all pods otherwise. */
export class KubeletAssignments implements DeviceAssignments {
  readonly #client: Pick<PodResourcesClient, "findKubelet" | "get" | "list">;
  /** The kubelet that does not answer about one pod alone. */
  #listingKubelet: string | undefined;
  /** The end of the last question about all pods, and the one that waits for it. */
  #asking: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly PodDevice[]> | undefined;

  constructor(client: Pick<PodResourcesClient, "findKubelet" | "get" | "list">) {
    this.#client = client;
  }

  async assignedTo(pod: PodIdentity): Promise<readonly AssignedDevice[]> {
    try {
      const devices = (await this.#get(pod)) ?? (await this.#list());
      return devices
        .filter((device) => device.namespace === pod.namespace && device.pod === pod.name)
        .map(({ resource, id, container }) => ({ resource, id, container }));
    } catch (error) {
      throw new LanyardError(
        "unavailable",
        `which devices pod ${podKey(pod)} was given is not known, because the kubelet does not tell: ${errorText(error)}`,
        { cause: error },
      );
    }
  }

  /** Undefined where the kubelet must be asked about all pods. */
  async #get(pod: PodIdentity): Promise<readonly PodDevice[] | undefined> {
    const kubelet = await this.#client.findKubelet();
    if (kubelet !== undefined && kubelet === this.#listingKubelet) return undefined;
    try {
      return await this.#client.get(pod);
    } catch (error) {
      const code = error instanceof LanyardError ? error.code : undefined;
      if (code === "unsupported") this.#listingKubelet = kubelet;
      // One whose feature gate is off says so by an error without a code, as it does for a pod it does not know.
      if (code === "unsupported" || code === "internal") return undefined;
      throw error;
    }
  }

  /**
   * An answer that was asked for before may be older than what this pod was given, so whoever comes while one is on its way
   * waits for the next, and shares that with all who wait.
   */
  #list(): Promise<readonly PodDevice[]> {
    this.#next ??= this.#asking.then(() => {
      this.#next = undefined;
      const answer = this.#client.list();
      this.#asking = answer.catch(() => {});
      return answer;
    });
    return this.#next;
  }
}
