import type { LabelSelector } from "./pod-network.ts";

/** Whether labels satisfy every condition of a selector (Kubernetes LabelSelector, apimachinery meta/v1). */
export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const hasAll = Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value);
  return hasAll && selector.matchExpressions.every((expression) => matchesExpression(expression, labels));
}

function matchesExpression(
  { key, operator, values }: LabelSelector["matchExpressions"][number],
  labels: Readonly<Record<string, string>>,
): boolean {
  const label = labels[key];
  switch (operator) {
    case "In":
      return label !== undefined && values.includes(label);
    case "NotIn":
      return label === undefined || !values.includes(label);
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
  }
}
