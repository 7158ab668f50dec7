import { isIpv6 } from "../../model/address.ts";
import { InvalidValueError, NotFoundError } from "../../model/errors.ts";
import { podKey } from "../../model/pod.ts";
import type { AttachmentRequest } from "../request.ts";
import { planShaping } from "../shaping/plan.ts";
import type { AddRouteStep } from "../steps/add-route.ts";
import type { Step } from "../steps/steps.ts";
import type { LinkFacts, NodeFacts } from "./node-facts.ts";

/**
 * What every interface gets once its link is in the pod. Limits stand before the link comes up, so that no packet leaves
 * unshaped; routes need a link that is up. `own` are further steps of the interface's type, done when it has its addresses.
 */
export function planInterface(
  request: AttachmentRequest,
  node: NodeFacts,
  own: readonly Step[] = [],
): Step[] {
  return [
    ...planDeviceInfo(request),
    ...planTuning(request),
    ...planAddresses(request),
    ...planShaping(request, node),
    ...planRunning(request),
    ...own,
    ...planDefaultRoutes(request),
    ...planReadiness(request),
    ...planPrograms(request),
  ];
}

/** What is to be done for the copy that the attachment has of the device plugin's file. */
export function planDeviceInfo({ deviceInfo }: AttachmentRequest): Step[] {
  return deviceInfo === undefined ? [] : [{ kind: "deviceInfo", ...deviceInfo }];
}

/** The programs that go on from what was made. */
export function planPrograms(request: AttachmentRequest): Step[] {
  const { interfaceName: name, cniArgs: args = "", programs = [] } = request;
  const containerId = containerIdOf(request);
  return programs.map((program) => ({
    kind: "runProgram",
    name,
    program,
    makesLink: false,
    containerId,
    args,
  }));
}

/** CNI_CONTAINERID for programs: the runtime's sandbox, and the pod itself where no runtime asked. */
export function containerIdOf({ owner, pod }: AttachmentRequest): string {
  return owner?.sandbox ?? pod.uid;
}

/** What is changed about a link that is made without it. `more` is what the link's maker could not be told. */
export function planTuning(
  { interfaceName: link, tuning }: AttachmentRequest,
  more: { readonly mtu?: number; readonly mac?: string } = {},
): Step[] {
  const wanted = { ...tuning, ...more };
  return Object.keys(wanted).length === 0 ? [] : [{ kind: "tune", link, ...wanted }];
}

/** The addresses, and what makes the kernel use and announce them. */
export function planAddresses({ addresses, interfaceName: link }: AttachmentRequest): Step[] {
  const families = [
    ...(addresses.some((address) => !isIpv6(address)) ? (["ipv4"] as const) : []),
    ...(addresses.some(isIpv6) ? (["ipv6"] as const) : []),
  ];
  return [
    ...(families.length === 0 ? [] : [{ kind: "announce", link, families } as const]),
    ...addresses.map((address) => ({ kind: "addAddress", link, address }) as const),
  ];
}

/** Sets the link up, and gives it what only a link that is up can have. */
function planRunning(request: AttachmentRequest): Step[] {
  const { interfaceName: link, addresses, routes } = request;
  if (request.staysDown !== true) return [{ kind: "setUp", link }, ...planRoutes(request)];
  if (addresses.length === 0 && routes.length === 0) return [];
  const place = `addresses and routes of interface ${link} of pod ${podKey(request.pod)}`;
  throw new InvalidValueError(place, { addresses, routes }, "none, because it stays down");
}

/** Routes by way of the link. */
export function planRoutes({ interfaceName: link, routes }: AttachmentRequest): AddRouteStep[] {
  return routes.map((route) => ({ kind: "addRoute", link, ...route }));
}

/** The pod's default routes, where they shall lead this way. */
export function planDefaultRoutes({
  interfaceName: link,
  defaultGateways,
  gateways,
}: AttachmentRequest): Step[] {
  if (defaultGateways === undefined) return [];
  const known = defaultGateways.length > 0 ? defaultGateways : (gateways ?? []);
  return [{ kind: "defaultRoutes", link, gateways: known }];
}

/** Waits until the link and its addresses can be used, where that takes a moment. */
function planReadiness({
  interfaceName: link,
  link: { type },
  addresses,
  staysDown,
}: AttachmentRequest): Step[] {
  const waitsForCarrier = type === "sriov";
  const isNeeded = staysDown !== true && (waitsForCarrier || addresses.some(isIpv6));
  return isNeeded ? [{ kind: "awaitUsable", link, addresses, waitsForCarrier }] : [];
}

/** The link an interface stands on, or is. `name` and `place` are for the error: NotFoundError where there is none. */
export function linkOfNode({ link }: NodeFacts, name: string, place: string): LinkFacts {
  if (link === undefined) throw new NotFoundError(`no link "${name}" in ${place}`);
  return link;
}

/** The facts of a link's parent, on the node or in the pod. Throws NotFoundError. */
export function parentFacts(
  { parent, isParentInPod }: { readonly parent: string; readonly isParentInPod?: boolean },
  node: NodeFacts,
): LinkFacts {
  return linkOfNode(node, parent, isParentInPod === true ? "the pod" : "the node's network namespace");
}

/** Settings of the pod's link that a request may carry. */
export function linkSettings({ mtu, mac }: Pick<AttachmentRequest, "mtu" | "mac">): {
  mtu?: number;
  mac?: string;
} {
  return { ...(mtu === undefined ? {} : { mtu }), ...(mac === undefined ? {} : { mac }) };
}
