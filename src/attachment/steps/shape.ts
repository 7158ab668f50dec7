import type { Qdisc } from "../../linux/route/tc/qdisc.ts";
import { LanyardError } from "../../model/errors.ts";
import type { QosPlan } from "../../qos/plan.ts";
import { removeLink } from "../remove-link.ts";
import { changePlan, clearShaping } from "../shaper.ts";
import { checkShaping } from "../shaping-check.ts";
import type { ActionHandler } from "./step.ts";

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

  async observe({ pod, podLinks }, step) {
    if ((await pod.links.find(step.ifb)) !== undefined) {
      throw new LanyardError(
        "conflict",
        `${pod.name} has a link "${step.ifb}" already, which is needed for shaping`,
      );
    }
    const link = await podLinks.get(step.link);
    if (step.isForeign === true) refuseForeign(link.name, await pod.qdiscs.list(link.index));
    return { gsoMaxSize: link.gsoMaxSize };
  },

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
    if (leaving.has(name)) return await removeLink(kernel, pod, ifb);
    const link = await pod.links.find(name);
    if (link === undefined) return;
    await clearShaping({ kernel, pod, link: name, ifb });
    const { gsoMaxSize } = before;
    if (link.gsoMaxSize !== gsoMaxSize)
      await pod.links.set(link.index, { gsoMaxSize, gsoIpv4MaxSize: gsoMaxSize });
  },

  check: async ({ pod }, { link, ifb, plan }) =>
    plan === undefined ? [] : await checkShaping({ pod, link, ifb }, plan),
};

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
