import { LanyardError } from "../../model/errors.ts";
import type { QosPlan } from "../../qos/plan.ts";
import { removeLink } from "../remove-link.ts";
import { changePlan } from "../shaper.ts";
import type { ActionHandler } from "./step.ts";

/** The pod's link is held to a class. */
export interface ShapeStep {
  readonly kind: "shape";
  readonly link: string;
  /** Name of the link arriving packets are queued on, where the plan needs one. */
  readonly ifb: string;
  /** Absent: no limits (a class was taken away while attached). */
  readonly plan?: QosPlan;
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
    return { gsoMaxSize: (await podLinks.get(step.link)).gsoMaxSize };
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
    if (leaving.has(step.link)) return await removeLink(kernel, pod, step.ifb);
    if ((await pod.links.find(step.link)) === undefined) return;
    await changePlan(
      { kernel, pod, link: step.link, ifb: step.ifb },
      step.plan,
      undefined,
      before.gsoMaxSize,
    );
  },
};
