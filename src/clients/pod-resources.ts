import { podKey } from "../model/pod.ts";
import type { PodSource } from "../model/ports.ts";
import { UnixSocketClient } from "../rpc/client.ts";
import {
  type ContainerDevices,
  type PodResources,
  PodResourcesLister,
} from "../rpc/generated/podresources/v1_pb.js";
import { identifySocket } from "../rpc/socket-file.ts";

/** A device that a container was given, as the kubelet tells it. */
export interface PodDevice {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly resource: string;
  readonly id: string;
}

/** A device that the kubelet can give away. */
export interface AllocatableDevice {
  readonly resource: string;
  readonly id: string;
  /** None where the plugin told none. */
  readonly numaNodes: readonly number[];
}

/**
 * A client of the kubelet's pod-resources API v1, which tells who was given which device, by whatever plugin. Every method
 * throws RpcError, `unavailable` when nobody answers. It is asked seldom, so each call makes a connection of its own:
 * one that broke with the kubelet's end would wait before it is tried again, and the next kubelet with it.
 */
export class PodResourcesClient implements PodSource {
  readonly #socket: string;

  /** @param socket `/var/lib/kubelet/pod-resources/kubelet.sock` */
  constructor(socket: string) {
    this.#socket = socket;
  }

  /** What tells one kubelet from the next: it makes its socket anew. Undefined while none is there. */
  findKubelet(): Promise<string | undefined> {
    return identifySocket(this.#socket);
  }

  /** Devices of all pods on the node. */
  async list(signal?: AbortSignal): Promise<PodDevice[]> {
    const { podResources } = await this.#ask((client) => client.call("list", {}, signal && { signal }));
    return podResources.flatMap(devicesOf);
  }

  /** `namespace/name` of every pod on the node, also of those without a device. */
  async pods(): Promise<ReadonlySet<string>> {
    const { podResources } = await this.#ask((client) => client.call("list", {}));
    return new Set(podResources.map(podKey));
  }

  /**
   * Devices of one pod. A kubelet before 1.34 answers only when its feature gate is on; otherwise it fails, with
   * `unsupported` before 1.27, which has no such method, and with `internal` from then on.
   */
  async get(pod: { readonly namespace: string; readonly name: string }): Promise<PodDevice[]> {
    const request = { podNamespace: pod.namespace, podName: pod.name };
    const { podResources } = await this.#ask((client) => client.call("get", request));
    return podResources === undefined ? [] : devicesOf(podResources);
  }

  /** Healthy devices, given away or not. */
  async allocatable(): Promise<AllocatableDevice[]> {
    const { devices } = await this.#ask((client) => client.call("getAllocatableResources", {}));
    return devices.flatMap((entry) =>
      entry.deviceIds.map((id) => ({ resource: entry.resourceName, id, numaNodes: nodesOf(entry) })),
    );
  }

  async #ask<T>(question: (client: UnixSocketClient<typeof PodResourcesLister>) => Promise<T>): Promise<T> {
    const client = new UnixSocketClient(PodResourcesLister, this.#socket);
    try {
      return await question(client);
    } finally {
      client.close();
    }
  }
}

function devicesOf({ namespace, name, containers }: PodResources): PodDevice[] {
  return containers.flatMap((container) =>
    container.devices.flatMap(({ resourceName, deviceIds }) =>
      deviceIds.map((id) => ({
        namespace,
        pod: name,
        container: container.name,
        resource: resourceName,
        id,
      })),
    ),
  );
}

function nodesOf({ topology }: ContainerDevices): number[] {
  return topology?.nodes.map((node) => Number(node.ID)) ?? [];
}
