import type { LanyardError } from "./errors.ts";
import type { PodIdentity } from "./pod.ts";

/** One network a pod asks for, as its annotation names it, with defaults filled in. */
export interface NetworkReference {
  /** What is referred to: a PodNetwork, or a PodNetworkAttachment of the pod's own namespace. */
  readonly target: { readonly kind: "PodNetwork" | "PodNetworkAttachment"; readonly name: string };
  /** Name of the interface in the pod; unique in the pod. `net1`, `net2`, ... by position where none was given. */
  readonly interfaceName: string;
  readonly qosClassName?: string;
  /** Addresses in CIDR form; an address without a prefix length is a host address (/32, /128). */
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly isDefaultGateway: boolean;
}

/** The whole set of interfaces a pod shall have: what a door hands to the attachment engine. */
export interface PodAttachments {
  readonly pod: PodIdentity;
  /** Path of the pod's network namespace, for example `/run/netns/blue` or `/proc/812/ns/net`. */
  readonly namespacePath: string;
  readonly references: readonly NetworkReference[];
}

/** What the pod's traffic is held to, as it is enforced, with what could not be enforced said. */
export interface EffectiveQos {
  readonly className: string;
  /** What enforces it, strongest part first, in words: `htb on net1`, `ifb + tbf`. Empty when nothing does. */
  readonly egressBackend: string;
  readonly ingressBackend: string;
  /** Bits per second after rounding; undefined where there is no limit. */
  readonly egressGuaranteed?: number;
  readonly egressCeiling?: number;
  readonly ingressCeiling?: number;
  /** Name of the link in the pod on which arriving traffic is queued, where there is one. */
  readonly ingressLink?: string;
  /** What the class asks for and this kernel or link cannot give, one sentence each. */
  readonly notEnforced: readonly string[];
}

/** One interface of one pod on one network, as it stands. */
export interface AttachmentStatus {
  readonly pod: PodIdentity;
  readonly interfaceName: string;
  readonly podNetworkName: string;
  /** LinkProfile type: `hostDevice`, `macvlan`, `bridge`. */
  readonly type: string;
  /** The kubelet's device id and resource, where the attachment uses one. */
  readonly device?: { readonly resource: string; readonly id: string; readonly container: string };
  readonly state: "attaching" | "attached" | "detaching" | "failed";
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** CIDR form. */
  readonly addresses: readonly string[];
  readonly qos?: EffectiveQos;
  /** Path under which the pod's network namespace was last known. */
  readonly namespacePath: string;
}

/** What reconciling did for one interface. */
export interface AttachmentOutcome {
  readonly interfaceName: string;
  readonly action: "attached" | "kept" | "changed" | "detached" | "failed";
  /** The interface as it stands now; absent after a detach. */
  readonly status?: AttachmentStatus;
  /** Present when the action is `failed`; the kernel was put back to what it was. */
  readonly error?: LanyardError;
}

/** The attachment engine as doors see it. */
export interface Attachments {
  /**
   * Makes the pod's interfaces what is wanted: attaches what is missing, detaches what is no longer named,
   * changes QoS in place. One reference that fails does not stop the others. Calls for one pod are done in
   * the order they were made.
   */
  reconcile(wanted: PodAttachments): Promise<readonly AttachmentOutcome[]>;
  /** Detaches everything the pod has; fine when its namespace is gone or nothing was attached. */
  release(pod: PodIdentity): Promise<void>;
  /** Every attachment in the journal. */
  list(): readonly AttachmentStatus[];
}
