import type { AttachmentRequest } from "../request.ts";
import { planShaping } from "../shaping/plan.ts";
import type { Step } from "../steps/steps.ts";
import {
  linkOfNode,
  linkSettings,
  planAddresses,
  planDefaultRoutes,
  planPrograms,
  planRoutes,
  planTuning,
} from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A link that the pod has already: changed and held to its limits, and afterwards as it was. */
export function planStanding(request: AttachmentRequest, node: NodeFacts): Step[] {
  linkOfNode(node, request.interfaceName, "the pod");
  return [
    ...planTuning(request, linkSettings(request)),
    ...planAddresses(request),
    ...planShaping(request, node),
    ...planRoutes(request),
    ...planDefaultRoutes(request),
    ...planPrograms(request),
  ];
}
