import type { Kernel } from "../linux/kernel.ts";
import type { Namespace } from "../linux/namespace.ts";
import type { Link } from "../linux/route/link.ts";
import { LinkLookup } from "./link/lookup.ts";
import { nodeLinkOf, podLinkOf } from "./plan.ts";
import { isPlannedInTwo } from "./plan-parts.ts";
import type { AttachmentRequest } from "./request.ts";

/** What an attachment is made among. */
export interface Surroundings {
  readonly podLinks: LinkLookup;
  readonly hostLinks: LinkLookup;
  /** The link it stands on, or is; undefined where there is none yet. */
  readonly below: Link | undefined;
}

/** A link of the node as the kernel announced it last; undefined where none is known. It may have changed since. */
export type AnnouncedLink = (name: string) => Link | undefined;

/** Asks in one trip what planning wants to know, and whether the interface's name is free. */
export async function lookAround(
  request: AttachmentRequest,
  kernel: Kernel,
  pod: Namespace,
): Promise<Surroundings> {
  const podLinks = new LinkLookup(pod);
  const hostLinks = new LinkLookup(kernel.host);
  const onNode = nodeLinkOf(request);
  const inPod = podLinkOf(request);
  const asked = [
    { name: request.interfaceName, lookup: podLinks },
    ...(inPod === undefined ? [] : [{ name: inPod, lookup: podLinks }]),
    ...(onNode === undefined ? [] : [{ name: onNode, lookup: hostLinks }]),
  ];
  await kernel.perform(asked.map(({ name, lookup }) => lookup.prepareFind(name)));
  if (onNode !== undefined) return { podLinks, hostLinks, below: await hostLinks.find(onNode) };
  return { podLinks, hostLinks, below: inPod === undefined ? undefined : await podLinks.find(inPod) };
}

/**
 * The same without asking, which saves a trip to the kernel: the link below as it was announced, and the interface's name
 * taken to be free. Only for a link that is made anew over one of the node's: where that is not so any more, the kernel
 * refuses to make it, and nothing has been done. Undefined for any other.
 */
export function assumeAround(
  request: AttachmentRequest,
  kernel: Kernel,
  pod: Namespace,
  announcedLink: AnnouncedLink,
): Surroundings | undefined {
  const { type } = request.link;
  const onNode = nodeLinkOf(request);
  const isMadeOver = (type === "macvlan" || type === "ipvlan" || type === "vlan") && onNode !== undefined;
  const below = isMadeOver && !isPlannedInTwo(request) ? announcedLink(onNode) : undefined;
  if (onNode === undefined || below === undefined) return undefined;
  const podLinks = new LinkLookup(pod);
  const hostLinks = new LinkLookup(kernel.host);
  podLinks.learn(request.interfaceName, undefined);
  hostLinks.learn(onNode, below);
  return { podLinks, hostLinks, below };
}
