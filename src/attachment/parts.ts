import type { Logger } from "pino";
import type { Kernel } from "../linux/kernel.ts";
import type { Namespace } from "../linux/namespace.ts";
import type { PodIdentity } from "../model/pod.ts";
import { failureOf } from "./failures.ts";
import type { Entries } from "./journal/entries.ts";
import type { JournalEntry, NamespaceIdentity } from "./journal/journal.ts";
import type { AttachmentLife } from "./life.ts";
import type { AttachmentRequest } from "./request.ts";
import type { ResolverSources } from "./resolve/resolve.ts";
import { endAll } from "./transaction.ts";

/** What the engine's operations work with. */
export interface Parts {
  readonly kernel: Kernel;
  readonly entries: Entries;
  readonly life: AttachmentLife;
  readonly sources: ResolverSources;
  readonly log: Logger;
}

/** Who a namespace is that was opened by this path. */
export function identify(namespace: Namespace, path: string): NamespaceIdentity {
  return { path, cookie: namespace.cookie() };
}

/** Whether an attachment is in this namespace. */
export function isIn(entry: JournalEntry, { cookie }: NamespaceIdentity): boolean {
  return !entry.isOfEarlierBoot && entry.namespace.cookie === cookie;
}

/** What a pod has in the namespace that is meant now. */
export function entriesHere(
  pod: PodIdentity,
  here: NamespaceIdentity,
  { entries }: Pick<Parts, "entries">,
): JournalEntry[] {
  return entries.ofPod(pod).filter((entry) => isIn(entry, here));
}

/** What a pod's interfaces were made by, by their names. */
export function requestsOf(entries: readonly JournalEntry[]): Map<string, AttachmentRequest> {
  return new Map(entries.map(({ request }) => [request.interfaceName, request]));
}

/** Ends attachments of one pod, each after those that stand on it. Every one is tried; gives what failed. */
export async function endEntries(entries: readonly JournalEntry[], life: AttachmentLife): Promise<unknown[]> {
  const [first] = entries;
  if (first === undefined) return [];
  const isOnePlace = entries.every((entry) => isIn(entry, first.namespace));
  await using pod = isOnePlace ? await life.openNamespace(first) : undefined;
  const byRequest = new Map(entries.map((entry) => [entry.request, entry]));
  return await endAll([...byRequest.keys()], async (request) => {
    try {
      await life.end(byRequest.get(request) as JournalEntry, pod);
    } catch (error) {
      throw failureOf(request, error);
    }
  });
}
