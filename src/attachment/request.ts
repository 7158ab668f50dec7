import type { MacvlanMode } from "../linux/route/kinds/macvlan.ts";
import type { PodIdentity } from "../model/pod.ts";
import type { QosClass } from "../model/qos-class.ts";

/** A device of the kubelet's that the attachment uses. */
export interface UsedDevice {
  readonly resource: string;
  readonly id: string;
  readonly container: string;
}

/** How the interface comes to be. */
export type LinkRequest =
  /** The node's link itself, moved into the pod. */
  | { readonly type: "hostDevice"; readonly link: string; readonly device: UsedDevice }
  /** A further link over one of the node's. */
  | { readonly type: "macvlan"; readonly parent: string; readonly mode: MacvlanMode }
  /** A pair of links, one end a port of the node's bridge. */
  | { readonly type: "bridge"; readonly parent: string };

/**
 * One interface to be made, with every name resolved: what the planner turns into steps. Plain data, so that
 * the journal can hold it and a later wish be compared with it.
 */
export interface AttachmentRequest {
  readonly pod: PodIdentity;
  readonly interfaceName: string;
  readonly podNetworkName: string;
  readonly link: LinkRequest;
  /** CIDR form. */
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly destination: string; readonly gateway?: string }[];
  readonly mac?: string;
  /** Bytes; the parent's or the device's own where absent. */
  readonly mtu?: number;
  readonly qosClass?: QosClass;
}

/** Whether two requests differ in nothing but their QoS, so that a change in place is enough. */
export function differsOnlyInQos(one: AttachmentRequest, other: AttachmentRequest): boolean {
  return sameData({ ...one, qosClass: undefined }, { ...other, qosClass: undefined });
}

/** Whether two requests ask for the same. */
export function sameRequest(one: AttachmentRequest, other: AttachmentRequest): boolean {
  return sameData(one, other);
}

function sameData(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/** The same data with every object's keys in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
