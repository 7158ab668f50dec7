import type { Outcome } from "./suite.ts";

/** Prints what was skipped and why, what was left behind, and the sums. True when all passed and nothing was left. */
export function reportOutcomes(outcomes: readonly Outcome[]): boolean {
  const sum = (count: (outcome: Outcome) => number) =>
    outcomes.reduce((total, each) => total + count(each), 0);
  const skips = outcomes.flatMap((outcome) => outcome.skips);
  const leftovers = outcomes.flatMap((outcome) => outcome.leftovers);
  const failed = sum((outcome) => outcome.failed);
  if (skips.length > 0) console.log(["\nSkipped, and why:", ...skips].join("\n  "));
  if (leftovers.length > 0) console.log(["\nLeft behind:", ...leftovers].join("\n  "));
  console.log(
    `\n${sum((outcome) => outcome.passed)} passed, ${failed} failed, ${sum((outcome) => outcome.skipped)} skipped`,
  );
  return failed === 0 && leftovers.length === 0;
}
