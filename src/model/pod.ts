/** Which pod something belongs to. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  /** The pod's UID: a pod made anew under the same name is another pod. */
  readonly uid: string;
}

/** A device the kubelet gave to a container of a pod. */
export interface AssignedDevice {
  readonly resource: string;
  readonly id: string;
  readonly container: string;
}

/** `namespace/name`, as people write a pod. */
export function podKey(pod: { namespace: string; name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}
