import type { AttachmentRequest } from "../request.ts";
import { commonOf } from "./common.ts";
import { classOfReference } from "./qos.ts";
import type { Resolving } from "./sources.ts";

/** The request to hold an interface that the pod has already to its limits. Throws LanyardError. */
export function resolveStanding(resolving: Resolving): AttachmentRequest {
  const { reference, owner, sources, who } = resolving;
  const qosClass = classOfReference(reference, sources.catalog, who);
  return {
    ...commonOf(owner?.network ?? reference.interfaceName, resolving),
    link: { type: "standing" },
    ...(qosClass !== undefined && { qosClass }),
  };
}
