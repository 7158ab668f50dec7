import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerDevicesSchema,
  PodResourcesLister,
  PodResourcesSchema,
} from "../../rpc/generated/podresources/v1_pb.js";
import type { Handlers } from "../../rpc/service.ts";
import type { DeviceEntry, Ledger } from "./ledger.ts";

/**
 * The pod-resources API v1 over the books, in the real kubelet's form: every pod, also one without devices, and one entry
 * for each device (pkg/kubelet/apis/podresources/server_v1.go). Containers without devices are left out.
 */
export function podResourcesHandlers(ledger: Ledger): Handlers<typeof PodResourcesLister> {
  return {
    list: async () => ({ podResources: describePods(ledger) }),
    get: async ({ podName, podNamespace }) => {
      const found = describePods(ledger).find(
        ({ name, namespace }) => name === podName && namespace === podNamespace,
      );
      // The real kubelet answers with a bare error, which gRPC sends as UNKNOWN.
      if (found === undefined) throw new Error(`pod ${podName} in namespace ${podNamespace} not found`);
      return { podResources: found };
    },
    getAllocatableResources: async () => ({
      devices: ledger
        .resourceNames()
        .flatMap((resource) =>
          [...ledger.healthyIds(resource)].map((id) => describeDevice(ledger, resource, id)),
        ),
    }),
  };
}

function describePods(ledger: Ledger): MessageInitShape<typeof PodResourcesSchema>[] {
  return ledger.pods().map(({ uid, namespace, name }) => {
    const byContainer = Map.groupBy(ledger.entriesOf(uid), ({ container }) => container);
    return {
      namespace,
      name,
      containers: [...byContainer].map(([container, given]) => ({
        name: container,
        devices: given.flatMap((entry) => describeEntry(ledger, entry)),
      })),
    };
  });
}

function describeEntry(ledger: Ledger, { resource, ids }: DeviceEntry) {
  return ids.map((id) => describeDevice(ledger, resource, id));
}

function describeDevice(
  ledger: Ledger,
  resource: string,
  id: string,
): MessageInitShape<typeof ContainerDevicesSchema> {
  const nodes = ledger.numaNodes(resource, id);
  return {
    resourceName: resource,
    deviceIds: [id],
    ...(nodes.length > 0 && { topology: { nodes: nodes.map((node) => ({ ID: BigInt(node) })) } }),
  };
}
