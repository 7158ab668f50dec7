import { errorText, LanyardError } from "../model/errors.ts";
import type { Journal, JournalStep } from "./journal.ts";
import type { ApplyContext, UndoContext } from "./steps/step.ts";
import { handlerOf, type Step } from "./steps/steps.ts";

/** Does a plan, one step after the other, each written down before the kernel is touched. */
export async function applySteps(
  context: ApplyContext,
  journal: Journal,
  id: number,
  steps: readonly Step[],
): Promise<void> {
  for (const [position, step] of steps.entries()) {
    const handler = handlerOf(step);
    const before = await handler.observe(context, step);
    journal.intend(id, position, before);
    await handler.apply(context, step, before);
    journal.done(id, position);
  }
}

/**
 * Takes a plan back, last step first. A step whose link is about to be taken away by an earlier step needs no
 * undoing of its own. Every step is tried, also after one that failed; failures are thrown together at the end,
 * and what failed stays in the journal to be tried again.
 */
export async function undoSteps(
  { kernel, pod }: Omit<UndoContext, "leaving">,
  journal: Journal,
  id: number,
  steps: readonly JournalStep[],
): Promise<void> {
  const isPending = ({ state }: JournalStep) => state === "intended" || state === "done";
  const leaving = new Set(
    steps.filter(isPending).flatMap(({ step }) => {
      const link = handlerOf(step).brings?.(step);
      return link === undefined ? [] : [link];
    }),
  );
  const failures: unknown[] = [];
  for (const { position, step, state, before } of steps.toReversed()) {
    if (!isPending({ position, step, state, before })) continue;
    const handler = handlerOf(step);
    const home = handler.livesOn?.(step);
    if (home !== undefined && leaving.has(home)) continue;
    try {
      await handler.undo({ kernel, pod, leaving }, step, before);
      journal.undone(id, position);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 0) return;
  const [first] = failures;
  const code = first instanceof LanyardError ? first.code : "internal";
  throw new LanyardError(code, `could not take back: ${failures.map(errorText).join("; ")}`, {
    cause: failures.length === 1 ? first : new AggregateError(failures),
  });
}
