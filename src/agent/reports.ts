import { hostname } from "node:os";
import type { AttachmentEngine } from "../attachment/engine.ts";
import { describeNodeNetwork, type NodeNetwork } from "../control/node-network.ts";
import type { DevicesReport, StatusReport } from "../control/report.ts";
import type { TcCapabilities } from "../linux/capabilities.ts";
import type { ManifestFolder } from "../standalone/manifests.ts";
import type { CniParts } from "./cni.ts";
import type { ConfigurationWatch } from "./configuration-watch.ts";
import type { DeviceParts } from "./devices.ts";
import type { Folders } from "./folders.ts";
import type { StandaloneParts } from "./standalone.ts";
import { readVersion } from "./version.ts";

/** The agent's parts as far as they have started. */
export interface StartedParts {
  engine?: AttachmentEngine;
  capabilities?: TcCapabilities;
  configuration?: ConfigurationWatch;
  devices?: DeviceParts;
  standalone?: StandaloneParts;
  manifests?: ManifestFolder;
  cni?: CniParts;
}

export interface StatusFacts {
  readonly folders: Folders;
  readonly isReady: boolean;
  /** When the agent was started, by `performance.now()`. */
  readonly startedAt: number;
}

/** What `lanyard status` tells. */
export function describeStatus(
  parts: StartedParts,
  { folders, isReady, startedAt }: StatusFacts,
): StatusReport {
  const { standalone, capabilities, devices, engine, manifests, cni } = parts;
  const report = cni?.report();
  return {
    version: readVersion(),
    processId: process.pid,
    uptime: Math.round((performance.now() - startedAt) / 1000),
    isReady,
    mode: standalone === undefined ? "kubelet" : "standalone",
    kubeletDirectory: folders.kubelet,
    kernelLacks: capabilities?.missing ?? [],
    resources: devices?.door.status() ?? [],
    attachments: engine?.list() ?? [],
    ...(standalone === undefined ? {} : { pods: standalone.pods() }),
    pfs: devices?.provisioner?.status() ?? [],
    ...(report !== undefined && { cni: report }),
    notes: [
      ...(manifests?.problems() ?? []).map(({ message }) => message),
      ...deviceNotes(parts),
      ...(report?.problems ?? []),
    ],
  };
}

/** What `lanyard devices` tells. */
export function describeDevices(parts: StartedParts): DevicesReport {
  return { pools: parts.devices?.inventory.pools() ?? [], notes: deviceNotes(parts) };
}

/** The node's network as an object. */
export function describeNode({ devices }: StartedParts): NodeNetwork {
  const { node, inventory, book, provisioner } = devices ?? {};
  return describeNodeNetwork({
    nodeName: hostname(),
    functions: node?.functions() ?? [],
    links: node?.links() ?? [],
    pools: inventory?.pools() ?? [],
    uses: book?.uses() ?? [],
    pfs: provisioner?.status() ?? [],
    policies: provisioner?.policyStatus() ?? [],
  });
}

/** What is configured and not used, and what is not offered. */
function deviceNotes({ configuration, devices }: StartedParts): string[] {
  return [...(configuration?.problems() ?? []), ...(devices?.inventory.notes() ?? [])];
}
