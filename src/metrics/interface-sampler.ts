import type { Logger } from "pino";
import type { Kernel } from "../linux/kernel.ts";
import type { Link } from "../linux/route/link.ts";
import type { AttachmentStatus } from "../model/attachment.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { QueueSample } from "./queue.ts";
import { sampleQueues } from "./queue.ts";

/** One attached interface with its counters, as they are now. */
export interface InterfaceSample {
  readonly attachment: AttachmentStatus;
  /** The link in the pod: its counters are the pod's (transmit is what the pod sends). */
  readonly link: Link;
  readonly queues: readonly QueueSample[];
}

/**
 * Reads every attached interface. Each pod's namespace is opened for one dump and closed again. A pod that ends
 * meanwhile is left out; its namespace's path may even lead to another by now, which the MAC address tells.
 */
export async function sampleInterfaces(
  kernel: Kernel,
  attachments: readonly AttachmentStatus[],
  log: Logger,
): Promise<InterfaceSample[]> {
  const attached = attachments.filter(({ state }) => state === "attached");
  const byNamespace = Map.groupBy(attached, ({ namespacePath }) => namespacePath);
  const samples = await Promise.all(
    [...byNamespace].map(async ([path, ofPod]) => {
      try {
        return await samplePod(kernel, path, ofPod);
      } catch (error) {
        if (!(error instanceof LanyardError)) throw error;
        log.debug(`no counters of the pod at ${path}: ${errorText(error)}`);
        return [];
      }
    }),
  );
  return samples.flat();
}

async function samplePod(
  kernel: Kernel,
  path: string,
  attachments: readonly AttachmentStatus[],
): Promise<InterfaceSample[]> {
  await using pod = await kernel.namespace(path);
  const { links } = await pod.links.list();
  const byName = new Map(links.map((link) => [link.name, link]));
  const samples: InterfaceSample[] = [];
  for (const attachment of attachments) {
    const link = byName.get(attachment.interfaceName);
    if (link === undefined || link.mac !== attachment.mac) continue;
    samples.push({ attachment, link, queues: await sampleQueues(pod, attachment, byName) });
  }
  return samples;
}
