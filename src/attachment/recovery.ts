import { podKey } from "../model/pod.ts";
import { outlivesReboot } from "./apply.ts";
import type { JournalEntry, JournalPlan } from "./journal/journal.ts";
import type { AttachmentLife } from "./life.ts";
import type { Parts } from "./parts.ts";
import { hasLink } from "./status.ts";

/**
 * Puts an end to what an earlier run of the agent left unfinished: half-made and half-removed attachments
 * are taken back, and so is what belonged to namespaces that are gone. The doors then ask for what is wanted again. Of
 * earlier boots it forgets what the kernel has forgotten too, and gives what programs have to take back yet.
 */
export async function recover({
  entries,
  life,
  log,
}: Pick<Parts, "entries" | "life" | "log">): Promise<JournalEntry[]> {
  const forPrograms: JournalEntry[] = [];
  for (const entry of entries.all()) {
    if (entry.isOfEarlierBoot && isLeft(entries.journal.plan(entry.id))) {
      forPrograms.push(entry);
      continue;
    }
    const about = { pod: podKey(entry.request.pod), interface: entry.request.interfaceName };
    try {
      const why = await whyNotWhole(entry, life);
      if (why === undefined) continue;
      log.info(about, `taking back an attachment of an earlier run: ${why}`);
      await life.end(entry);
    } catch (error) {
      // One pod's trouble keeps no other from its agent.
      log.error(
        { ...about, err: error },
        "an attachment of an earlier run could not be looked at or taken back; it stays in the journal",
      );
    }
  }
  return forPrograms;
}

/** Whether something of it outlives a reboot. */
function isLeft({ steps, reached }: JournalPlan): boolean {
  return steps.slice(0, reached).some(outlivesReboot);
}

/** Why an entry of an earlier run cannot stay as it is; undefined when it can. */
async function whyNotWhole(entry: JournalEntry, life: AttachmentLife): Promise<string | undefined> {
  const { state, isOfEarlierBoot, request, status } = entry;
  if (isOfEarlierBoot) return "the machine was started again since";
  if (state === "attaching" || state === "detaching") return `it was ${state} when the agent ended`;
  await using pod = await life.openNamespace(entry);
  if (pod === undefined) return "the pod's network namespace is gone";
  // A runtime does not ask for it again, so that what is left of it stays, and a CHECK tells of it.
  if (request.owner !== undefined || !hasLink(status)) return undefined;
  const link = await pod.links.find(request.interfaceName);
  return link === undefined ? `its link ${request.interfaceName} is gone` : undefined;
}
