import { createHash } from "node:crypto";
import { planQos, type QosPlan } from "../../qos/plan.ts";
import type { AttachmentRequest } from "../request.ts";
import type { ShapeStep } from "../steps/shape.ts";
import type { NodeFacts } from "../types/node-facts.ts";

/** ETH_DATA_LEN (include/uapi/linux/if_ether.h) and GSO_LEGACY_MAX_SIZE (include/linux/netdevice.h), in bytes. */
const UNSEEN_LINK = { mtu: 1500, gsoMaxSize: 65_536 };

/** The step that holds an interface to its class; none where the request names no class. */
export function planShaping(request: AttachmentRequest, node: NodeFacts): ShapeStep[] {
  const plan = planClass(request, node);
  if (plan === undefined) return [];
  const { interfaceName: link } = request;
  const stands = request.link.type === "standing" || request.link.type === "plugin";
  return [{ kind: "shape", link, ifb: ifbName(link), plan, ...(stands ? { isForeign: true } : {}) }];
}

/** How a request's class is enforced on its link; undefined where it names no class. */
export function planClass(request: AttachmentRequest, node: NodeFacts): QosPlan | undefined {
  if (request.qosClass === undefined) return undefined;
  // A bridge that is not there yet is made with the MTU and the limit that the kernel gives by itself.
  const { mtu, gsoMaxSize } = node.link ?? UNSEEN_LINK;
  const link = { kind: request.link.type, mtu: request.mtu ?? mtu, gsoMaxSize };
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
