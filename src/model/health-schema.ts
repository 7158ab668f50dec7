import { HEALTH_CONDITIONS, HEALTH_EFFECTS, type HealthCondition, type HealthPolicy } from "./health.ts";
import { fields, oneOf } from "./validation.ts";

const effect = oneOf(HEALTH_EFFECTS).optional();

/** The schema of what a document says of health: an effect for some conditions, the others as they were. */
export const healthChanges = fields(
  Object.fromEntries(HEALTH_CONDITIONS.map((condition) => [condition, effect])) as Record<
    HealthCondition,
    typeof effect
  >,
);

/** A policy with the effects that a document changes. */
export function changeHealth(policy: HealthPolicy, changes: Partial<HealthPolicy> = {}): HealthPolicy {
  return { ...policy, ...changes };
}
