import type { Journal, JournalEntry } from "./journal.ts";
import type { AttachmentRequest } from "./request.ts";
import { changePlan, clearShaping, type ShapedLink } from "./shaper.ts";
import { ifbName, planClass } from "./shaping.ts";
import type { ShapeStep, Unshaped } from "./steps/shape.ts";
import type { ApplyContext } from "./steps/step.ts";
import type { NodeFacts } from "./types/node-facts.ts";

/**
 * Holds a standing attachment to another class, in place. When an earlier change was cut off, what stands is
 * unknown and made anew.
 */
export async function reshape(
  { kernel, pod }: Pick<ApplyContext, "kernel" | "pod">,
  journal: Journal,
  entry: JournalEntry,
  request: AttachmentRequest,
  facts: NodeFacts,
): Promise<void> {
  const steps = journal.steps(entry.id);
  const found = steps.find(({ step }) => step.kind === "shape");
  const old = found?.step as ShapeStep | undefined;
  const position = found?.position ?? steps.length;
  const link = request.interfaceName;
  const at: ShapedLink = { kernel, pod, link, ifb: ifbName(link) };
  const before = (found?.before as Unshaped | undefined) ?? { gsoMaxSize: facts.link.gsoMaxSize };
  const plan = planClass(request, facts);
  const step: ShapeStep = { kind: "shape", link, ifb: at.ifb, ...(plan === undefined ? {} : { plan }) };

  journal.beginChange(entry.id, request, position, step, before);
  if (entry.state === "changing") await clearShaping(at);
  await changePlan(at, entry.state === "changing" ? undefined : old?.plan, plan, before.gsoMaxSize);
  journal.done(entry.id, position, position);
}
