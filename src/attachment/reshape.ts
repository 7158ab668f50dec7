import type { Journal, JournalEntry } from "./journal.ts";
import type { AttachmentRequest } from "./request.ts";
import { changePlan, clearShaping, type ShapedLink } from "./shaper.ts";
import { ifbName, planShaping } from "./shaping.ts";
import type { ShapeStep, Unshaped } from "./steps/shape.ts";
import type { ApplyContext } from "./steps/step.ts";
import type { Step } from "./steps/steps.ts";
import type { LinkFacts, NodeFacts } from "./types/node-facts.ts";

/**
 * Holds a standing attachment to another class, in place. When an earlier change was cut off, what stands is
 * unknown and made anew. Gives the attachment's steps as they are then.
 */
export async function reshape(
  { kernel, pod }: Pick<ApplyContext, "kernel" | "pod">,
  journal: Journal,
  entry: JournalEntry,
  request: AttachmentRequest,
  facts: NodeFacts & { readonly link: LinkFacts },
): Promise<readonly Step[]> {
  const { steps, before } = journal.plan(entry.id);
  const found = steps.findIndex((step) => step.kind === "shape");
  const old = steps[found] as ShapeStep | undefined;
  const link = request.interfaceName;
  const at: ShapedLink = { kernel, pod, link, ifb: ifbName(link) };
  const unshaped = (before[found] as Unshaped | undefined) ?? { gsoMaxSize: facts.link.gsoMaxSize };
  const [step = { kind: "shape", link, ifb: at.ifb }] = planShaping(request, facts);
  const position = found < 0 ? steps.length : found;
  const changed = steps.toSpliced(position, 1, step);

  journal.beginChange(entry.id, request, {
    steps: changed,
    before: before.toSpliced(position, 1, unshaped),
    reached: changed.length,
  });
  if (entry.state === "changing") await clearShaping(at);
  await changePlan(at, entry.state === "changing" ? undefined : old?.plan, step.plan, unshaped.gsoMaxSize);
  return changed;
}
