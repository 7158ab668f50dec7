import type { AttachmentRequest, LinkRequest } from "../request.ts";
import { planShaping } from "../shaping/plan.ts";
import type { Step } from "../steps/steps.ts";
import {
  containerIdOf,
  linkSettings,
  planDefaultRoutes,
  planDeviceInfo,
  planPrograms,
  planTuning,
} from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A link that another program makes, addresses and sets up. */
export function planPlugin(
  request: AttachmentRequest,
  { program }: Extract<LinkRequest, { type: "plugin" }>,
  node: NodeFacts,
): Step[] {
  return [
    {
      kind: "runProgram",
      name: request.interfaceName,
      program,
      makesLink: true,
      containerId: containerIdOf(request),
      args: request.cniArgs ?? "",
    },
    ...planDeviceInfo(request),
    ...planTuning(request, linkSettings(request)),
    ...planShaping(request, node),
    ...planDefaultRoutes(request),
    ...planPrograms(request),
  ];
}
