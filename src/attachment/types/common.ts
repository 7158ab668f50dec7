import type { AttachmentRequest } from "../request.ts";
import { planShaping } from "../shaping.ts";
import type { Step } from "../steps/steps.ts";
import type { NodeFacts } from "./node-facts.ts";

/**
 * What every interface gets once its link is in the pod: addresses, limits, up, routes. Limits stand before
 * the link comes up, so that no packet leaves unshaped; routes need a link that is up.
 */
export function planInterface(request: AttachmentRequest, node: NodeFacts): Step[] {
  const link = request.interfaceName;
  const families = [
    ...(request.addresses.some((address) => !address.includes(":")) ? (["ipv4"] as const) : []),
    ...(request.addresses.some((address) => address.includes(":")) ? (["ipv6"] as const) : []),
  ];
  return [
    ...(families.length > 0 ? [{ kind: "announce", link, families } as const] : []),
    ...request.addresses.map((address) => ({ kind: "addAddress", link, address }) as const),
    ...planShaping(request, node),
    { kind: "setUp", link },
    ...request.routes.map((route) => ({ kind: "addRoute", link, ...route }) as const),
  ];
}

/** Settings of the pod's link that a request may carry. */
export function linkSettings({ mtu, mac }: AttachmentRequest): { mtu?: number; mac?: string } {
  return { ...(mtu === undefined ? {} : { mtu }), ...(mac === undefined ? {} : { mac }) };
}
