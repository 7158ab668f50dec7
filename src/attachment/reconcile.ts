import type { Namespace } from "../linux/namespace.ts";
import type { AttachmentOutcome, PodAttachments } from "../model/attachment.ts";
import { failureOf } from "./failures.ts";
import type { JournalEntry, NamespaceIdentity } from "./journal.ts";
import { identifyLater, isIn, linksOf, type Parts } from "./parts.ts";
import { type AttachmentRequest, differsOnlyInQos, sameRequest } from "./request.ts";
import { resolveReferences } from "./resolve.ts";

/** Makes a pod's interfaces what is wanted, each by itself (see `Attachments.reconcile`). */
export async function reconcile(wanted: PodAttachments, parts: Parts): Promise<AttachmentOutcome[]> {
  const { kernel, entries, sources } = parts;
  await using pod = await kernel.namespace(wanted.namespacePath);
  const identity = identifyLater(pod, wanted.namespacePath);
  const names = new Set(wanted.references.map((reference) => reference.interfaceName));
  const outcomes: AttachmentOutcome[] = [];
  for (const entry of entries.ofPod(wanted.pod)) {
    const isHere = isIn(entry, await identity);
    const stands = entry.state === "attached" || entry.state === "changing";
    if (names.has(entry.request.interfaceName) && stands && isHere) continue;
    const outcome = await detach(entry, isHere ? pod : undefined, parts);
    // An interface that is about to be made again is reported once, by how that went.
    if (outcome.action === "failed" || !names.has(entry.request.interfaceName)) outcomes.push(outcome);
  }
  for (const resolved of await resolveReferences(wanted, sources, linksOf(entries.ofPod(wanted.pod)))) {
    const { interfaceName } = resolved.reference;
    if (outcomes.some((outcome) => outcome.interfaceName === interfaceName)) continue;
    outcomes.push(
      "error" in resolved
        ? { interfaceName, action: "failed", error: resolved.error }
        : await converge(resolved.request, pod, identity, parts),
    );
  }
  return outcomes;
}

/** Brings one interface to what its request asks for. */
async function converge(
  request: AttachmentRequest,
  pod: Namespace,
  identity: Promise<NamespaceIdentity>,
  { entries, life }: Parts,
): Promise<AttachmentOutcome> {
  const { interfaceName } = request;
  const entry = entries.ofPod(request.pod).find((each) => each.request.interfaceName === interfaceName);
  try {
    if (entry === undefined) {
      return { interfaceName, action: "attached", status: await life.make(request, pod, identity) };
    }
    if (entry.state === "attached" && sameRequest(entry.request, request)) {
      return { interfaceName, action: "kept", status: entry.status };
    }
    if (differsOnlyInQos(entry.request, request)) {
      return { interfaceName, action: "changed", status: await life.change(entry, request, pod) };
    }
    await life.end(entry, pod);
    return { interfaceName, action: "changed", status: await life.make(request, pod, identity) };
  } catch (error) {
    return { interfaceName, action: "failed", error: failureOf(request, error) };
  }
}

async function detach(
  entry: JournalEntry,
  pod: Namespace | undefined,
  { life }: Parts,
): Promise<AttachmentOutcome> {
  const { interfaceName } = entry.request;
  try {
    await life.end(entry, pod);
    return { interfaceName, action: "detached" };
  } catch (error) {
    return { interfaceName, action: "failed", status: entry.status, error: failureOf(entry.request, error) };
  }
}
