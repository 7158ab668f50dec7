import type { AttachmentRequest, RouteRequest } from "../request.ts";
import { deviceInfoOf } from "./device.ts";
import type { Resolving } from "./sources.ts";

type Common = Pick<
  AttachmentRequest,
  "pod" | "owner" | "interfaceName" | "podNetworkName" | "addresses" | "routes" | "deviceInfo"
>;

/** What every request holds. */
export function commonOf(podNetworkName: string, resolving: Resolving): Common {
  const { pod, owner, reference, device } = resolving;
  const deviceInfo = deviceInfoOf(device, resolving);
  return {
    pod,
    ...(owner !== undefined && { owner }),
    interfaceName: reference.interfaceName,
    podNetworkName,
    addresses: [],
    routes: [],
    ...(deviceInfo !== undefined && { deviceInfo }),
  };
}

/** The request with what programs are told of the pod, where any take part. */
export function withPodArgs(request: AttachmentRequest): AttachmentRequest {
  const { link, ipam, programs = [] } = request;
  const isNeeded = link.type === "plugin" || ipam?.type === "program" || programs.length > 0;
  return isNeeded ? { ...request, cniArgs: cniArgsOf(request) } : request;
}

/** CNI_ARGS as container runtimes give them for a pod. */
function cniArgsOf({ pod, owner }: AttachmentRequest): string {
  return [
    "IgnoreUnknown=1",
    `K8S_POD_NAMESPACE=${pod.namespace}`,
    `K8S_POD_NAME=${pod.name}`,
    ...(owner === undefined ? [] : [`K8S_POD_INFRA_CONTAINER_ID=${owner.sandbox}`]),
    `K8S_POD_UID=${pod.uid}`,
  ].join(";");
}

/** A route in the words of manifests as the kernel is asked for it. */
export function routeOf({ dst, gw }: { readonly dst: string; readonly gw?: string }): RouteRequest {
  return { destination: dst, ...(gw !== undefined && { gateway: gw }) };
}
