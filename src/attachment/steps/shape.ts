import type { Qdisc } from "../../linux/route/tc/qdisc.ts";
import { LanyardError } from "../../model/errors.ts";
import type { QosPlan } from "../../qos/plan.ts";
import { removeLink } from "../link/remove.ts";
import { checkShaping } from "../shaping/check.ts";
import { changePlan, clearShaping } from "../shaping/shaper.ts";
import type { ActionHandler, ApplyContext } from "./step.ts";

/** The pod's link is held to a class. */
export interface ShapeStep {
  readonly kind: "shape";
  readonly link: string;
  /** Name of the link arriving packets are queued on, where the plan needs one. */
  readonly ifb: string;
  /** Absent: no limits (a class was taken away while attached). */
  readonly plan?: QosPlan;
  /** Whether somebody else made the link, and may have given it limits of their own. */
  readonly isForeign?: boolean;
}

/** What the link was like without limits. */
export interface Unshaped {
  /** Bytes. */
  readonly gsoMaxSize: number;
}

export const shape: ActionHandler<ShapeStep, Unshaped> = {
  kind: "shape",

  observe: observeUnshaped,

  async apply({ kernel, pod }, step, before) {
    await changePlan(
      { kernel, pod, link: step.link, ifb: step.ifb },
      undefined,
      step.plan,
      before.gsoMaxSize,
    );
  },

  async undo({ kernel, pod, leaving }, step, before) {
    if (pod === undefined) return;
    const { link: name, ifb } = step;
    const link = leaving.has(name) ? undefined : await pod.links.find(name);
    if (link === undefined) return await removeLink(kernel, pod, ifb);
    await clearShaping({ kernel, pod, link: name, ifb });
    const { gsoMaxSize } = before;
    if (link.gsoMaxSize !== gsoMaxSize)
      await pod.links.set(link.index, { gsoMaxSize, gsoIpv4MaxSize: gsoMaxSize });
  },

  check: async ({ pod }, { link, ifb, plan }) =>
    plan === undefined ? [] : await checkShaping({ pod, link, ifb }, plan),
};

/** What a link is like that nothing of ours limits yet. Throws LanyardError where something else is in the way of that. */
export async function observeUnshaped(
  { pod, podLinks }: Pick<ApplyContext, "pod" | "podLinks">,
  { link: name, ifb, isForeign }: ShapeStep,
): Promise<Unshaped> {
  if ((await pod.links.find(ifb)) !== undefined) {
    throw new LanyardError(
      "conflict",
      `${pod.name} has a link "${ifb}" already, which is needed for shaping`,
    );
  }
  const link = await podLinks.get(name);
  if (isForeign === true) refuseForeign(name, await pod.qdiscs.list(link.index));
  return { gsoMaxSize: link.gsoMaxSize };
}

/** Throws when a link is shaped already: two cannot hold it, and the first would lose what it asked for. */
function refuseForeign(name: string, qdiscs: readonly Qdisc[]): void {
  // Those that the kernel gives by itself have no handle.
  const found = qdiscs.find(
    ({ spec }) =>
      spec.parent === "ingress" || spec.parent === "clsact" || (spec.parent === "root" && spec.handle !== 0),
  );
  if (found === undefined) return;
  const { kind, parent } = found.spec;
  const text = `link "${name}" of the pod has a qdisc ${kind} at its ${parent} already, which is not the agent's`;
  throw new LanyardError("conflict", `${text}: only one of them can limit it; take one away`);
}
