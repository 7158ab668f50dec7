import type { AttachmentStatus } from "../model/attachment.ts";
import type { Pool } from "../model/device.ts";
import type { PfStatus } from "../provisioning/status.ts";
import type { NodeNetwork } from "./node-network.ts";

/** One pod as the standalone mode runs it. */
export interface PodReport {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly message?: string;
  readonly namespacePath?: string;
  /** Device ids by resource. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
}

/** One resource as it stands with the kubelet. */
export interface ResourceReport {
  readonly resource: string;
  readonly socket: string;
  readonly isRegistered: boolean;
  readonly lastError?: string;
}

/** How the container runtime reaches the agent. */
export interface CniReport {
  /** Path of the socket that the plugin calls. */
  readonly socket: string;
  /** Path of the socket in Multus' place, where that is served. */
  readonly multusSocket?: string;
  /** Path of the network file that names the plugin; absent while there is none. */
  readonly networkFile?: string;
  /** Name of the file with the cluster's network, which that one stands behind; absent while there is none. */
  readonly behind?: string;
  /** Calls that were queued while the agent was away and are not done yet. */
  readonly queuedCalls: number;
  /** What is not as it should be, one sentence each. */
  readonly problems: readonly string[];
}

/** What `lanyard status` tells. */
export interface StatusReport {
  readonly version: string;
  readonly processId: number;
  /** Seconds. */
  readonly uptime: number;
  /** All parts have started and none is stopping. */
  readonly isReady: boolean;
  readonly mode: "standalone" | "kubelet";
  readonly kubeletDirectory: string;
  /** What this kernel lacks and what is done instead, one sentence each. */
  readonly kernelLacks: readonly string[];
  readonly resources: readonly ResourceReport[];
  readonly attachments: readonly AttachmentStatus[];
  /** Present in standalone mode. */
  readonly pods?: readonly PodReport[];
  /** The PFs that policies are for. */
  readonly pfs: readonly PfStatus[];
  /** Present where the runtime's calls are answered. */
  readonly cni?: CniReport;
  /** Mistakes in manifests and what is not offered, one sentence each. */
  readonly notes: readonly string[];
}

/** What `lanyard devices` tells. */
export interface DevicesReport {
  readonly pools: readonly Pool[];
  readonly notes: readonly string[];
}

/** Where the control door gets its answers. */
export interface ReportSource {
  /**
   * Leaves the node to another agent that is about to start; resolves when that may begin. Throws LanyardError when
   * this one cannot.
   */
  handOver(): Promise<void>;
  status(): StatusReport;
  devices(): DevicesReport;
  nodeNetwork(): NodeNetwork;
}
