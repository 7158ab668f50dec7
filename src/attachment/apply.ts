import { errorText, LanyardError } from "../model/errors.ts";
import type { Journal } from "./journal.ts";
import type { ApplyContext, UndoContext } from "./steps/step.ts";
import { actionOf, isSetting, type SettingStep, type Step, settingOf } from "./steps/steps.ts";

/**
 * Does a plan in order, each part written down before the kernel is touched. Settings of one link that follow
 * each other are one part: they travel to the kernel together, and the first that is refused ends them.
 */
export async function applySteps(
  context: ApplyContext,
  journal: Journal,
  id: number,
  steps: readonly Step[],
): Promise<void> {
  for (let position = 0; position < steps.length; ) {
    const step = steps[position] as Step;
    if (isSetting(step)) {
      const together = settingsFrom(steps, position);
      const last = position + together.length - 1;
      const link = await context.podLinks.get(step.link);
      journal.intendSettings(id, position, last);
      await context.kernel.perform(
        together.flatMap((each) => settingOf(each).prepare(context.pod, each, link)),
      );
      journal.done(id, position, last);
      position = last + 1;
    } else {
      const handler = actionOf(step);
      const before = await handler.observe(context, step);
      journal.intend(id, position, before);
      await handler.apply(context, step, before);
      journal.done(id, position, position);
      position += 1;
    }
  }
}

/** The settings of one link that stand together from `position` on. */
function settingsFrom(steps: readonly Step[], position: number): SettingStep[] {
  const together: SettingStep[] = [];
  for (const step of steps.slice(position)) {
    if (!isSetting(step) || step.link !== (together[0] ?? step).link) break;
    together.push(step);
  }
  return together;
}

/**
 * Takes a plan back, last step first. A setting whose link is about to be taken away by an earlier step needs no
 * undoing of its own. Every step is tried, also after one that failed; failures are thrown together at the end,
 * and what failed stays in the journal to be tried again.
 */
export async function undoSteps(
  { kernel, pod }: Omit<UndoContext, "leaving">,
  journal: Journal,
  id: number,
): Promise<void> {
  const pending = journal.steps(id).filter(({ state }) => state === "intended" || state === "done");
  const leaving = new Set(
    pending.flatMap(({ step }) => (isSetting(step) ? [] : (actionOf(step).brings?.(step) ?? []))),
  );
  const context = { kernel, pod, leaving };
  const failures: unknown[] = [];
  for (const { position, step, before } of pending.toReversed()) {
    if (isSetting(step) && leaving.has(step.link)) continue;
    try {
      if (isSetting(step)) await settingOf(step).undo(context, step);
      else await actionOf(step).undo(context, step, before);
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
