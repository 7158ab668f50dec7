import type { AttachmentStatus } from "../model/attachment.ts";
import type { LinkLookup } from "./link-lookup.ts";
import type { AttachmentRequest } from "./request.ts";
import type { Step } from "./steps/steps.ts";

/** What is told of an attachment that is being made. */
export function initialStatus(request: AttachmentRequest, namespacePath: string): AttachmentStatus {
  return {
    pod: request.pod,
    interfaceName: request.interfaceName,
    podNetworkName: request.podNetworkName,
    type: request.link.type,
    ...(request.link.type === "hostDevice" ? { device: request.link.device } : {}),
    state: "attaching",
    mac: request.mac ?? "",
    mtu: request.mtu ?? 0,
    addresses: request.addresses,
    namespacePath,
  };
}

/** What is told of an attachment that stands: the link as it is, and the limits as they are enforced. */
export async function statusOf(
  request: AttachmentRequest,
  steps: readonly Step[],
  podLinks: LinkLookup,
  namespacePath: string,
): Promise<AttachmentStatus> {
  const link = await podLinks.get(request.interfaceName);
  const shaping = steps.find((step) => step.kind === "shape");
  return {
    ...initialStatus(request, namespacePath),
    state: "attached",
    mac: link.mac,
    mtu: link.mtu,
    ...(shaping?.plan === undefined ? {} : { qos: shaping.plan.effective }),
  };
}
