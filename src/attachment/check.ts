import type { AttachmentDifference } from "../model/attachment.ts";
import type { JournalEntry, JournalPlan } from "./journal/journal.ts";
import { hasLink } from "./status.ts";
import type { CheckContext } from "./steps/step.ts";
import { handlerOf } from "./steps/steps.ts";

/** Compares an attachment with what is there now. Without its link there is nothing else to tell of it. */
export async function compare(
  { request: { interfaceName }, state, status }: JournalEntry,
  { steps, before, reached }: JournalPlan,
  context: CheckContext,
): Promise<readonly AttachmentDifference[]> {
  if (state !== "attached") return [{ interfaceName, text: `it was made, and is ${state} now` }];
  if (hasLink(status) && (await context.podLinks.find(interfaceName)) === undefined) {
    return [{ interfaceName, text: `there is no link "${interfaceName}" in the pod any more` }];
  }
  const differences: string[] = [];
  for (const [position, step] of steps.slice(0, reached).entries()) {
    const found = await handlerOf(step).check?.(context, step as never, before[position]);
    differences.push(...(found ?? []));
  }
  return differences.map((text) => ({ interfaceName, text }));
}
