import { createHash } from "node:crypto";
import { planQos, type QosPlan } from "../qos/plan.ts";
import type { AttachmentRequest } from "./request.ts";
import type { ShapeStep } from "./steps/shape.ts";
import type { NodeFacts } from "./types/node-facts.ts";

/** The step that holds an interface to its class; none where the request names no class. */
export function planShaping(request: AttachmentRequest, node: NodeFacts): ShapeStep[] {
  const plan = planClass(request, node);
  if (plan === undefined) return [];
  return [{ kind: "shape", link: request.interfaceName, ifb: ifbName(request.interfaceName), plan }];
}

/** How a request's class is enforced on its link; undefined where it names no class. */
export function planClass(request: AttachmentRequest, node: NodeFacts): QosPlan | undefined {
  if (request.qosClass === undefined) return undefined;
  const link = {
    kind: request.link.type,
    mtu: request.mtu ?? node.link.mtu,
    gsoMaxSize: node.link.gsoMaxSize,
  };
  const plan = planQos(request.qosClass, link, node.capabilities);
  if (!plan.needsIfb) return plan;
  return { ...plan, effective: { ...plan.effective, ingressLink: ifbName(request.interfaceName) } };
}

/** Name of the link in the pod that an interface's arriving traffic is queued on: at most 15 bytes. */
export function ifbName(interfaceName: string): string {
  const plain = `ifb-${interfaceName}`;
  if (Buffer.byteLength(plain) <= 15) return plain;
  return `ifb-${createHash("sha256").update(interfaceName).digest("hex").slice(0, 11)}`;
}
