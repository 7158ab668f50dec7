import type { AttachmentRequest, LinkRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { linkSettings, planInterface } from "./common.ts";
import type { NodeFacts } from "./node-facts.ts";

/** A macvlan over a link of the node. */
export function planMacvlan(
  request: AttachmentRequest,
  { parent, mode }: Extract<LinkRequest, { type: "macvlan" }>,
  node: NodeFacts,
): Step[] {
  return [
    {
      kind: "createLink",
      name: request.interfaceName,
      index: node.newIndex,
      of: { kind: "macvlan", mode },
      parent,
      ...linkSettings({ ...request, mtu: request.mtu ?? node.link.mtu }),
    },
    ...planInterface(request, node),
  ];
}
