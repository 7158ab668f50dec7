import type { Entries } from "../journal/entries.ts";
import type { JournalEntry } from "../journal/journal.ts";
import type { AttachmentRequest } from "../request.ts";
import { observeUnshaped, type ShapeStep, type Unshaped } from "../steps/shape.ts";
import type { ApplyContext } from "../steps/step.ts";
import type { Step } from "../steps/steps.ts";
import type { LinkFacts, NodeFacts } from "../types/node-facts.ts";
import { ifbName, planShaping } from "./plan.ts";
import { changePlan, clearShaping, type ShapedLink } from "./shaper.ts";

/**
 * Holds a standing attachment to another class, in place. When an earlier change was cut off, what stands is
 * unknown and made anew. Gives the attachment's steps as they are then.
 */
export async function reshape(
  { kernel, pod, podLinks }: Pick<ApplyContext, "kernel" | "pod" | "podLinks">,
  entries: Entries,
  entry: JournalEntry,
  request: AttachmentRequest,
  facts: NodeFacts & { readonly link: LinkFacts },
): Promise<readonly Step[]> {
  const { steps, before } = entries.journal.plan(entry.id);
  const found = steps.findIndex((step) => step.kind === "shape");
  const old = steps[found] as ShapeStep | undefined;
  const link = request.interfaceName;
  const at: ShapedLink = { kernel, pod, link, ifb: ifbName(link) };
  const [step = { kind: "shape", link, ifb: at.ifb }] = planShaping(request, facts);
  const unshaped =
    (before[found] as Unshaped | undefined) ?? (await observeUnshaped({ pod, podLinks }, step));
  const position = found < 0 ? steps.length : found;
  const changed = steps.toSpliced(position, 1, step);

  entries.beginChange(entry, request, {
    steps: changed,
    before: before.toSpliced(position, 1, unshaped),
    reached: changed.length,
  });
  if (entry.state === "changing") await clearShaping(at);
  await changePlan(at, entry.state === "changing" ? undefined : old?.plan, step.plan, unshaped.gsoMaxSize);
  return changed;
}
