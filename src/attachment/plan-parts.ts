import type { AttachmentRequest } from "./request.ts";
import { handlerOf, type Step } from "./steps/steps.ts";

/**
 * Whether what follows on the link can be planned only when that is there: a program made it, or gives out its addresses,
 * and some of those (DHCP) ask by way of it.
 */
export function isPlannedInTwo({ link, ipam }: AttachmentRequest): boolean {
  return link.type === "plugin" || ipam?.type === "program";
}

/** The steps of a plan up to the one that brings the link; none where none does. */
export function untilLink(plan: readonly Step[]): readonly Step[] {
  return plan.slice(0, lengthUntilLink(plan));
}

/** The other steps. */
export function afterLink(plan: readonly Step[]): readonly Step[] {
  return plan.slice(lengthUntilLink(plan));
}

function lengthUntilLink(plan: readonly Step[]): number {
  return plan.findIndex((step) => handlerOf(step).brings?.(step as never) !== undefined) + 1;
}
