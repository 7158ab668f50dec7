import type { Namespace } from "../linux/namespace.ts";
import type { AttachmentOutcome, AttachmentOwner, PodAttachments } from "../model/attachment.ts";
import { failureOf } from "./failures.ts";
import type { JournalEntry, NamespaceIdentity } from "./journal/journal.ts";
import { entriesHere, identify, isIn, type Parts, requestsOf } from "./parts.ts";
import { podLinkOf } from "./plan.ts";
import { type AttachmentRequest, differsOnlyInQos, sameRequest } from "./request.ts";
import { resolveReferences } from "./resolve/resolve.ts";
import { endAll, stagesOf } from "./transaction.ts";

/** What interfaces are reconciled with, and where. */
interface Place extends Parts {
  readonly pod: Namespace;
  readonly identity: NamespaceIdentity;
}

/** What became of interfaces, by their names. */
type Outcomes = Map<string, AttachmentOutcome>;

/** Makes a pod's interfaces what is wanted, each by itself (see `Attachments.reconcile`). */
export async function reconcile(wanted: PodAttachments, parts: Parts): Promise<AttachmentOutcome[]> {
  const { kernel, entries, sources } = parts;
  await using pod = await kernel.namespace(wanted.namespacePath);
  const place = { ...parts, pod, identity: identify(pod, wanted.namespacePath) };
  const names = new Set(wanted.references.map(({ interfaceName }) => interfaceName));

  const ofPod = entries.ofPod(wanted.pod);
  const here = entriesHere(wanted.pod, place.identity, parts);
  const staying = here.filter(({ request, state }) => {
    return names.has(request.interfaceName) && (state === "attached" || state === "changing");
  });
  const leaving = ofPod.filter((entry) => !staying.includes(entry));
  const outcomes = await detach(withThoseAbove(leaving, ofPod), place);

  const held = requestsOf(entries.ofPod(wanted.pod));
  const requests: AttachmentRequest[] = [];
  for (const resolved of await resolveReferences(wanted, sources, held, ownersOf(here))) {
    const { interfaceName } = resolved.reference;
    if (outcomes.get(interfaceName)?.action === "failed") continue;
    if ("request" in resolved) requests.push(resolved.request);
    else outcomes.set(interfaceName, { interfaceName, action: "failed", error: resolved.error });
  }
  const converged = await converge(requests, place);

  const all = new Map([...outcomes, ...converged]);
  // What is named no more comes first, and the others as they are named.
  const order = [...[...all.keys()].filter((name) => !names.has(name)), ...names];
  return order.flatMap((name) => all.get(name) ?? []);
}

/** Brings interfaces to what their requests ask for. */
async function converge(requests: readonly AttachmentRequest[], place: Place): Promise<Outcomes> {
  const { entries } = place;
  const find = ({ pod, interfaceName }: AttachmentRequest) =>
    entries.ofPod(pod).find(({ request }) => request.interfaceName === interfaceName);
  const replaced = requests.flatMap((request) => {
    const entry = find(request);
    return entry === undefined || differsOnlyInQos(entry.request, request) ? [] : [entry];
  });
  const all = replaced.flatMap(({ request }) => entries.ofPod(request.pod));
  const outcomes = await detach(withThoseAbove(replaced, all), place);
  for (const request of stagesOf(requests).flat(2)) {
    const { interfaceName } = request;
    const before = outcomes.get(interfaceName);
    if (before?.action === "failed") continue;
    const isNew = before === undefined;
    outcomes.set(interfaceName, await convergeOne(request, find(request), isNew, place));
  }
  return outcomes;
}

/** `isNew`: it is not there in place of what it was. */
async function convergeOne(
  request: AttachmentRequest,
  entry: JournalEntry | undefined,
  isNew: boolean,
  { pod, identity, life }: Place,
): Promise<AttachmentOutcome> {
  const { interfaceName } = request;
  try {
    if (entry === undefined) {
      const status = await life.make(request, pod, identity);
      return { interfaceName, action: isNew ? "attached" : "changed", status };
    }
    if (entry.state === "attached" && sameRequest(entry.request, request)) {
      return { interfaceName, action: "kept", status: entry.status };
    }
    return { interfaceName, action: "changed", status: await life.change(entry, request, pod) };
  } catch (error) {
    return { interfaceName, action: "failed", error: failureOf(request, error) };
  }
}

/** Ends attachments of one pod, each after those that stand on it. */
async function detach(leaving: readonly JournalEntry[], { pod, identity, life }: Place): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const byRequest = new Map(leaving.map((entry) => [entry.request, entry]));
  await endAll([...byRequest.keys()], async (request) => {
    const { interfaceName } = request;
    const entry = byRequest.get(request) as JournalEntry;
    try {
      await life.end(entry, isIn(entry, identity) ? pod : undefined);
      if (!outcomes.has(interfaceName)) outcomes.set(interfaceName, { interfaceName, action: "detached" });
    } catch (error) {
      const { status } = entry;
      outcomes.set(interfaceName, {
        interfaceName,
        action: "failed",
        status,
        error: failureOf(request, error),
      });
    }
  });
  return outcomes;
}

/** These and all of the pod's that stand on them: what stands on a link ends with it. */
function withThoseAbove(these: readonly JournalEntry[], all: readonly JournalEntry[]): JournalEntry[] {
  const found = new Set(these);
  // What is added on the way is visited too.
  for (const below of found) {
    for (const entry of all) {
      const isAbove = podLinkOf(entry.request) === below.request.interfaceName;
      if (isAbove && isIn(entry, below.namespace)) found.add(entry);
    }
  }
  return [...found];
}

/** The ADDs that interfaces were made for: their DELs are to find them, whoever changes them meanwhile. */
function ownersOf(entries: readonly JournalEntry[]): Map<string, AttachmentOwner> {
  const owned = entries.flatMap(({ request: { interfaceName, owner } }) =>
    owner === undefined ? [] : [[interfaceName, owner] as const],
  );
  return new Map(owned);
}
