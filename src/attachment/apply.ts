import type { Journal, JournalPlan } from "./journal/journal.ts";
import type { ApplyContext, UndoContext } from "./steps/step.ts";
import {
  actionOf,
  handlerOf,
  isPrepared,
  linkOf,
  type PreparedStep,
  preparedOf,
  type Step,
} from "./steps/steps.ts";

/**
 * Does a plan in order, each part written down before the kernel is touched. Steps of one link that stand
 * together and whose requests are known beforehand are one part: they travel to the kernel in one trip, and the
 * first that is refused ends it. `done` is what was there before each of the steps that were done already; gives the same
 * with those of this call.
 */
export async function applySteps(
  context: ApplyContext,
  journal: Journal,
  id: number,
  steps: readonly Step[],
  done: readonly unknown[] = [],
): Promise<readonly unknown[]> {
  const before = [...done];
  for (let position = before.length; position < steps.length; position = before.length) {
    const part = partFrom(steps, position);
    for (const step of part) before.push((await handlerOf(step).observe?.(context, step as never)) ?? null);
    journal.intend(id, before.length, before, part.some(outlivesReboot));
    const [first] = part;
    if (first !== undefined && !isPrepared(first))
      await actionOf(first).apply(context, first, before[position]);
    else await send(context, part as readonly PreparedStep[]);
  }
  return before;
}

/** Whether what a step does is still there when the kernel has forgotten everything. */
export function outlivesReboot(step: Step): boolean {
  return handlerOf(step).outlivesReboot === true;
}

/** The steps that are done together with the one at `position`, itself the first. */
function partFrom(steps: readonly Step[], position: number): readonly Step[] {
  const first = steps[position] as Step;
  if (!isPrepared(first)) return [first];
  const end = steps.findIndex(
    (step, at) => at > position && (!isPrepared(step) || linkOf(step) !== linkOf(first)),
  );
  return steps.slice(position, end < 0 ? steps.length : end);
}

async function send(context: ApplyContext, part: readonly PreparedStep[]): Promise<void> {
  const made = part.find((step) => step.kind === "createLink");
  const link = made?.index ?? (await context.podLinks.get(linkOf(part[0] as PreparedStep))).index;
  const requests = await Promise.all(part.map((step) => preparedOf(step).prepare(context, step, link)));
  await context.kernel.perform(requests.flat());
}

/** How far taking a plan back came. */
export interface Undone {
  readonly failures: readonly unknown[];
  /**
   * What must be tried again, and no more: what was taken back may be somebody else's by then. What came before a link that
   * is not back yet is among it, since that may have looked for the link in vain.
   */
  readonly left: JournalPlan;
}

/**
 * Takes back what was begun of a plan, last step first. A step whose link is about to be taken away by an earlier step needs
 * no undoing of its own. Every step is tried, also after one that failed. `isOfEarlierBoot`: only what outlives a reboot is
 * left of it.
 */
export async function undoSteps(
  surroundings: Omit<UndoContext, "leaving">,
  { steps, before, reached }: JournalPlan,
  isOfEarlierBoot: boolean,
): Promise<Undone> {
  const begun = steps.slice(0, reached);
  const leaving = new Set(begun.flatMap((step) => handlerOf(step).brings?.(step as never) ?? []));
  const context = { ...surroundings, leaving };
  const failures = new Map<number, unknown>();
  for (const [position, step] of [...begun.entries()].reverse()) {
    const handler = handlerOf(step);
    const goesWithLink = isPrepared(step) && handler.brings === undefined && leaving.has(linkOf(step));
    const wentWithBoot = isOfEarlierBoot && !outlivesReboot(step);
    if (goesWithLink || wentWithBoot) continue;
    try {
      await handler.undo(context, step as never, before[position]);
    } catch (error) {
      failures.set(position, error);
    }
  }
  const isLeft = (position: number) =>
    [...failures.keys()].some(
      (failed) => failed === position || (failed > position && bringsLink(begun[failed] as Step)),
    );
  const left = [...begun.keys()].filter(isLeft);
  return {
    failures: [...failures.values()],
    left: {
      steps: left.map((position) => begun[position] as Step),
      before: left.map((position) => before[position] ?? null),
      reached: left.length,
    },
  };
}

function bringsLink(step: Step): boolean {
  return handlerOf(step).brings?.(step as never) !== undefined;
}
