import type { BandwidthLimits, NetworkConfiguration, PortMapping } from "./cni/network-configuration.ts";
import type { CniResult } from "./cni/result.ts";
import type { LanyardError } from "./errors.ts";
import type { PodIdentity } from "./pod.ts";

/** What a reference refers to. */
export type NetworkTarget =
  /** A PodNetwork, or a PodNetworkAttachment of the pod's own namespace. */
  | { readonly kind: "PodNetwork" | "PodNetworkAttachment"; readonly name: string }
  | { readonly kind: "NetworkAttachmentDefinition"; readonly namespace: string; readonly name: string }
  /** A network's plugins, which the caller brought with it. */
  | { readonly kind: "NetworkConfiguration"; readonly configuration: NetworkConfiguration }
  /** None: an interface that the pod has already, and that is only held to its limits. */
  | { readonly kind: "StandingInterface" };

/** One network a pod asks for, as its annotation names it, with defaults filled in. */
export interface NetworkReference {
  readonly target: NetworkTarget;
  /** Name of the interface in the pod; unique in the pod. `net1`, `net2`, ... by position where none was given. */
  readonly interfaceName: string;
  readonly qosClassName?: string;
  /** CIDR form; without a prefix length where `k8s.v1.cni.cncf.io/networks` writes none, which means a host (/32, /128). */
  readonly ips: readonly string[];
  readonly mac?: string;
  /** The gateways of the network become the pod's default routes. */
  readonly isDefaultGateway: boolean;
  /** Next hops of the pod's default routes, in place of those that it has. */
  readonly defaultGateways?: readonly string[];
  readonly bandwidth?: BandwidthLimits;
  readonly portMappings?: readonly PortMapping[];
  readonly infinibandGuid?: string;
  /** What `args.cni` of the plugins' configurations shall hold besides what is there. */
  readonly cniArgs?: Readonly<Record<string, unknown>>;
  /** The device to be used, as the kubelet calls it. */
  readonly deviceId?: string;
  /** The container whose device is to be used. */
  readonly containerName?: string;
}

/**
 * The ADD of a runtime that attachments were made for, and that one DEL takes back. A pod that gets another sandbox has
 * attachments of another owner.
 */
export interface AttachmentOwner {
  /** The runtime's id of the sandbox (CNI_CONTAINERID). */
  readonly sandbox: string;
  /** The interface the runtime spoke of (CNI_IFNAME); that of the cluster's network where it spoke of the pod as a whole. */
  readonly interfaceName: string;
  /** `name` of the network's configuration. */
  readonly network: string;
}

/** The whole set of interfaces a pod shall have: what a door hands to the attachment engine. */
export interface PodAttachments {
  readonly pod: PodIdentity;
  /** Path of the pod's network namespace, for example `/run/netns/blue` or `/proc/812/ns/net`. */
  readonly namespacePath: string;
  readonly references: readonly NetworkReference[];
  /** Absent where no runtime will ask for them to be taken away. */
  readonly owner?: AttachmentOwner;
}

/** Something about an attachment that is not as it was made. */
export interface AttachmentDifference {
  readonly interfaceName: string;
  /** One sentence: what is different, what was made, what is there. */
  readonly text: string;
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
  /** The PodNetwork, `NAMESPACE/NAME` of a NetworkAttachmentDefinition, or the name that a network's configuration has. */
  readonly podNetworkName: string;
  /** How its link came to be: `hostDevice`, `sriov`, `macvlan`, `ipvlan`, `vlan`, `bridge`, `standing`, `plugin`. */
  readonly type: string;
  readonly owner?: AttachmentOwner;
  /** The kubelet's device id and resource, where the attachment uses one. */
  readonly device?: { readonly resource: string; readonly id: string; readonly container: string };
  readonly state: "attaching" | "attached" | "detaching" | "failed";
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** CIDR form. */
  readonly addresses: readonly string[];
  readonly qos?: EffectiveQos;
  /** Content of its device-info file (device-info specification 1.1.0), where it has one. */
  readonly deviceInfo?: Readonly<Record<string, unknown>>;
  /** What a runtime is told of it; empty until it is attached. */
  readonly result: CniResult;
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
   * changes QoS in place. One reference that fails does not stop the others. What an ADD of a runtime made stays that ADD's,
   * whoever changes it. Calls for one pod are done in the order they were made.
   */
  reconcile(wanted: PodAttachments): Promise<readonly AttachmentOutcome[]>;
  /**
   * Attaches all that is named, or nothing: if one fails, the others of this call are taken back and the first failure is
   * thrown. What the pod has besides stays, but for what a former sandbox of it had. Asked again for the same, it gives the
   * same.
   */
  attach(wanted: PodAttachments & { readonly owner: AttachmentOwner }): Promise<readonly AttachmentStatus[]>;
  /**
   * Detaches what belongs to one ADD of a runtime, and nothing of a newer owner. Fine when its namespace is gone or it
   * has nothing. Every attachment is tried; failures are thrown together, and what failed stays to be tried again.
   */
  releaseOwned(owner: Pick<AttachmentOwner, "sandbox" | "interfaceName">): Promise<void>;
  /**
   * Compares what one ADD made with what is there now; nothing to tell when all is as it was made. Throws NotFoundError
   * when it made nothing, or its namespace is gone.
   */
  check(owner: Pick<AttachmentOwner, "sandbox" | "interfaceName">): Promise<readonly AttachmentDifference[]>;
  /** Detaches what belongs to ADDs on this network that are not among those the runtime says are valid. */
  releaseOthers(
    network: string,
    valid: readonly Pick<AttachmentOwner, "sandbox" | "interfaceName">[],
  ): Promise<void>;
  /** Detaches one interface of a runtime's sandbox, whichever ADD it was made for. Fine when there is none. */
  releaseInterface(sandbox: string, interfaceName: string): Promise<void>;
  /** Detaches everything the pod has; fine when its namespace is gone or nothing was attached. */
  release(pod: PodIdentity): Promise<void>;
  /** Every attachment in the journal. */
  list(): readonly AttachmentStatus[];
}
