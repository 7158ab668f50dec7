import type { NetworkReference } from "./attachment.ts";
import { NETWORK_SELECTION_ANNOTATION, parseNetworkSelection } from "./cni/selection.ts";
import { InvalidValueError, LanyardError } from "./errors.ts";
import { NETWORKS_ANNOTATION, parseNetworksAnnotation } from "./networks-annotation.ts";
import { unknownAnnotations } from "./own-annotations.ts";
import { InvalidObjectError } from "./validation.ts";

/** Replaces the cluster's network for one pod, where Multus makes that one, too. */
const DEFAULT_NETWORK_ANNOTATION = "v1.multus-cni.io/default-network";

/**
 * The networks of a pod by both of its annotations, after those that every pod gets (each as an element of the annotation
 * names it). Where no name is given for an interface it is `net1`, `net2`, ... by its position in the whole list: the
 * default networks, then `k8s.v1.cni.cncf.io/networks`, then `lanyard.dev/networks`. `place` says whose annotations these
 * are. Throws InvalidObjectError, also for an annotation of ours that means nothing, and LanyardError `unsupported` for a pod that wants another network than the cluster's.
 */
export function parsePodReferences(
  annotations: Readonly<Record<string, string>>,
  podNamespace: string,
  place: string,
  defaultNetworks: readonly string[] = [],
): readonly NetworkReference[] {
  if ((annotations[DEFAULT_NETWORK_ANNOTATION] ?? "") !== "") {
    throw new LanyardError(
      "unsupported",
      `${place} ${DEFAULT_NETWORK_ANNOTATION}: the cluster's network is made before this plugin is called and cannot be ` +
        `replaced for one pod; name the network in ${NETWORK_SELECTION_ANNOTATION} for a further interface`,
    );
  }
  const unknown = unknownAnnotations(annotations, place);
  if (unknown.length > 0) throw new InvalidObjectError(unknown);
  const everyones = parseNetworkSelection(defaultNetworks.join(","), podNamespace, "cni.defaultNetworks");
  const selected = parseNetworkSelection(
    annotations[NETWORK_SELECTION_ANNOTATION],
    podNamespace,
    `${place} ${NETWORK_SELECTION_ANNOTATION}`,
    everyones.length,
  );
  const own = parseNetworksAnnotation(
    annotations[NETWORKS_ANNOTATION],
    `${place} ${NETWORKS_ANNOTATION}`,
    everyones.length + selected.length,
  );
  const references = [...everyones, ...selected, ...own];
  refuseCollisions(references, place);
  return references;
}

/** What each annotation alone cannot see. */
function refuseCollisions(references: readonly NetworkReference[], place: string): void {
  const names = references.map(({ interfaceName }) => interfaceName);
  const twice = names.filter((name, index) => names.indexOf(name) < index);
  const gateways = references.filter(
    ({ isDefaultGateway, defaultGateways }) => isDefaultGateway || defaultGateways !== undefined,
  );
  const mistakes = twice.map(
    (name) =>
      new InvalidValueError(
        `${place} interface`,
        name,
        "a name of its own: another network of the pod has it, by its position or as it is written",
      ),
  );
  const [, second] = gateways;
  if (second !== undefined) {
    const expected = "only one network of the pod with a default route";
    mistakes.push(new InvalidValueError(`${place} interface`, second.interfaceName, expected));
  }
  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
}
