import type { Namespace } from "../linux/namespace.ts";
import type { Link } from "../linux/route/link.ts";
import type { AttachmentStatus } from "../model/attachment.ts";

/** Counters of the queue that shapes one direction of an interface. */
export interface QueueSample {
  /** As the pod sees it: `transmit` is what it sends. */
  readonly direction: "transmit" | "receive";
  /** As on the wire: each segment with its headers, without the frame check sequence. */
  readonly bytes: number;
  readonly drops: number;
  readonly overlimits: number;
  readonly backlogBytes: number;
}

/** Reads the queues of an interface that has limits: on its own link, and on the link its arrivals pass. */
export async function sampleQueues(
  pod: Namespace,
  attachment: AttachmentStatus,
  links: ReadonlyMap<string, Link>,
): Promise<QueueSample[]> {
  const { qos } = attachment;
  if (qos === undefined) return [];
  const samples: QueueSample[] = [];
  const own = links.get(attachment.interfaceName);
  if (own !== undefined && qos.egressCeiling !== undefined)
    samples.push(...(await readRoot(pod, own, "transmit")));
  const arrivals = qos.ingressLink === undefined ? undefined : links.get(qos.ingressLink);
  if (arrivals !== undefined) samples.push(...(await readRoot(pod, arrivals, "receive")));
  return samples;
}

async function readRoot(
  pod: Namespace,
  link: Link,
  direction: QueueSample["direction"],
): Promise<QueueSample[]> {
  const qdiscs = await pod.qdiscs.list(link.index);
  const root = qdiscs.find(({ spec }) => spec.parent === "root");
  if (root === undefined) return [];
  const { bytes, drops, overlimits, backlogBytes } = root.statistics;
  return [{ direction, bytes, drops, overlimits, backlogBytes }];
}
