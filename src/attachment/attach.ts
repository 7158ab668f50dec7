import type { AttachmentOwner, AttachmentStatus, PodAttachments } from "../model/attachment.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { podKey } from "../model/pod.ts";
import { failureOf, withMore } from "./failures.ts";
import { isSameOwner } from "./journal/entries.ts";
import type { JournalEntry, NamespaceIdentity } from "./journal/journal.ts";
import { endEntries, entriesHere, identify, isIn, type Parts, requestsOf } from "./parts.ts";
import { type AttachmentRequest, sameRequest } from "./request.ts";
import { resolveReferences } from "./resolve/resolve.ts";
import { makeAll } from "./transaction.ts";

/** What one ADD of a runtime asks for. */
export type OwnedAttachments = PodAttachments & { readonly owner: AttachmentOwner };

/** Attaches all that an ADD names, or nothing (see `Attachments.attach`). */
export async function attach(wanted: OwnedAttachments, parts: Parts): Promise<AttachmentStatus[]> {
  const { kernel, entries, life } = parts;
  await using pod = await kernel.namespace(wanted.namespacePath);
  const identity = identify(pod, wanted.namespacePath);
  await endFormer(wanted, identity, parts);

  const requests = await resolveAll(wanted, identity, parts);
  const here = entriesHere(wanted.pod, identity, parts);
  const standing = new Map<AttachmentRequest, AttachmentStatus>();
  for (const request of requests) {
    const entry = here.find((each) => each.request.interfaceName === request.interfaceName);
    if (entry === undefined) continue;
    // An earlier attempt to end it failed.
    if (entry.state === "detaching") await life.end(entry, pod);
    else standing.set(request, statusOfSame(entry, request));
  }

  const missing = requests.filter((request) => !standing.has(request));
  const made = await makeAll(missing, {
    make: (request) => told(request, life.make(request, pod, identity)),
    takeBack: async (request) => {
      const entry = entries.ofPod(wanted.pod).find((each) => each.request === request);
      if (entry !== undefined) await told(request, life.end(entry, pod));
    },
  });
  return requests.map((request) => (standing.get(request) ?? made.get(request)) as AttachmentStatus);
}

/** Ends what former sandboxes of the pod had. What cannot be ended yet keeps the new one from nothing but that. */
async function endFormer(
  { pod, owner }: OwnedAttachments,
  identity: NamespaceIdentity,
  { entries, life, log }: Parts,
): Promise<void> {
  const ofPod = entries.ofPod(pod);
  if (ofPod.length === 0) return;
  const here = identity;
  const former = ofPod.filter((entry) => {
    const { owner: other } = entry.request;
    return !isIn(entry, here) || (other !== undefined && other.sandbox !== owner.sandbox);
  });
  for (const error of await endEntries(former, life)) {
    log.warn({ err: error, pod: podKey(pod) }, "what a former sandbox had could not be taken back yet");
  }
}

/** All requests. Throws the first reference's failure, with the others told, before anything is attached. */
async function resolveAll(
  wanted: OwnedAttachments,
  identity: NamespaceIdentity,
  parts: Parts,
): Promise<AttachmentRequest[]> {
  const { entries, sources } = parts;
  const held = requestsOf(entriesHere(wanted.pod, identity, parts));
  const resolve = () => resolveReferences(wanted, sources, held);
  let resolved = await resolve();
  const isInWay = resolved.some((each) => "error" in each || entries.holderOf(each.request) !== undefined);
  // A device may be inside a sandbox that was killed: then it comes home now, and is found where it belongs.
  if (isInWay && (await freeAbandoned(parts))) resolved = await resolve();

  const errors = resolved.flatMap((each) => ("error" in each ? [each.error] : []));
  if (errors.length > 0) throw withMore(errors[0], errors.slice(1).map(errorText));
  return resolved.flatMap((each) => ("error" in each ? [] : [each.request]));
}

/** Ends what has a device and lives in a namespace that is gone. Whether there was any. */
async function freeAbandoned({ entries, life, log }: Parts): Promise<boolean> {
  let isAnyFree = false;
  for (const entry of entries.holders()) {
    // What is being made or changed now has a namespace that is held open.
    if (entry.state === "attaching" || entry.state === "changing") continue;
    try {
      await using namespace = await life.openNamespace(entry);
      if (namespace !== undefined) continue;
      await life.end(entry);
      isAnyFree = true;
    } catch (error) {
      log.warn(
        { err: error, pod: podKey(entry.request.pod), interface: entry.request.interfaceName },
        "a device of a pod whose network namespace is gone could not be taken back yet",
      );
    }
  }
  return isAnyFree;
}

/** Waits for what is done for a request; its failure says for which. */
async function told<T>(request: AttachmentRequest, deed: Promise<T>): Promise<T> {
  try {
    return await deed;
  } catch (error) {
    throw failureOf(request, error);
  }
}

/** What stands already, if it is what is asked for. */
function statusOfSame(entry: JournalEntry, request: AttachmentRequest): AttachmentStatus {
  const { owner: other } = entry.request;
  const isSame = other !== undefined && request.owner !== undefined && isSameOwner(other, request.owner);
  if (isSame && sameRequest(entry.request, request)) return entry.status;
  const made =
    other === undefined
      ? "no runtime asked for it"
      : `for ${other.interfaceName} of sandbox ${other.sandbox}`;
  const text = `the pod has it already on ${entry.request.podNetworkName} (${made}), and otherwise than it is asked for now`;
  throw failureOf(request, new LanyardError("conflict", `${text}; it must be deleted first`));
}
